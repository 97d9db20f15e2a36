// Any bytes as a chat template over a fixed conversation, or (after a zero byte) as template and conversation: refused in
// one line, or a prompt within its limits that is the same the second time, each byte with its mark.
#include <cstdint>
#include <string_view>

#include "base/utf8.h"
#include "chat/conversation.h"
#include "check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  using namespace orrery::chat;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const auto readable = [](const Error& error) {
    FUZZ_CHECK(error.what.find('\n') == std::string::npos && error.what.size() < 1000);
    return 0;
  };
  const auto made = ChatTemplate::parse(input.substr(0, zero), "template");
  if (!made) return readable(made.error());
  const auto conversation = read_conversation(
      zero == std::string_view::npos ? R"({"messages":[{"role":"user","content":"Hi <b>"},{"role":"assistant","content":[{"type":"text","text":"é"}],"tool_calls":[{"function":{"name":"f","arguments":{"x":1.5}}}]}],"tools":[{"name":"f"}],"bos_token":"<s>"})" : input.substr(zero + 1), "conversation");
  if (!conversation) return readable(conversation.error());
  RenderOptions options;
  options.limits = {.steps = 100'000, .output = 1 << 16, .depth = 300};
  options.now = std::tm{};
  const auto prompt = apply(*made, *conversation, options);
  if (!prompt) return readable(prompt.error());
  FUZZ_CHECK(prompt->size() <= options.limits.output && is_valid_utf8(prompt->bytes));
  FUZZ_CHECK(prompt->marks.empty() || prompt->marks.size() == prompt->size());
  const auto again = apply(*made, *conversation, options);
  FUZZ_CHECK(again && again->bytes == prompt->bytes && again->marks == prompt->marks);
  return 0;
}
