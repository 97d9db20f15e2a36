// Any bytes as a GGUF file: refused, or every tensor lies in the file, its bytes are those of its shape, and it can be read; then as a model,
// whose every tensor can be asked for.
#include <cstddef>
#include <cstdint>
#include <span>

#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto header = orrery::parse_gguf(std::as_bytes(std::span(data, size)), "fuzz.gguf");
  if (!header) return 0;
  for (const auto& tensor : header->tensors) {
    FUZZ_CHECK(tensor.begin <= tensor.end && tensor.end <= size);
    FUZZ_CHECK(tensor.end - tensor.begin == orrery::gguf_bytes(tensor.type, *orrery::checked_numel(tensor.shape)));
  }
  const std::string path = "/tmp/orrery-gguf-fuzz-" + std::to_string(getpid());
  if (!orrery::write_file(path, {reinterpret_cast<const char*>(data), size})) return 0;
  if (const auto file = orrery::GgufFile::open(path))
    for (const auto& tensor : file->tensors()) FUZZ_CHECK(file->tensor(tensor).shape() == tensor.shape);
  if (const auto checkpoint = orrery::Checkpoint::open(path))
    for (const std::string& name : checkpoint->names()) {
      const auto tensor = checkpoint->tensor(name);
      FUZZ_CHECK(tensor && tensor->shape() == checkpoint->info(name)->shape);
    }
  unlink(path.c_str());
  return 0;
}
