// The story checker on any bytes: a verdict, always, and a reason when it is no.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "corpora/stories.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const orrery::Verdict verdict = orrery::check_story(text);
  if (verdict.position > size || verdict.correct != verdict.why_not.empty()) std::abort();
  return 0;
}
