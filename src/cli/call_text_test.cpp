#include "cli/call_text.h"

#include <doctest/doctest.h>

#include "cli/command.h"

using namespace orrery;
using namespace orrery::cli;

namespace {

std::string again(const std::string& command, std::vector<std::string> args, std::initializer_list<std::string_view> but = {}) {
  const std::unique_ptr<Call> call = command_named(command)->start();
  call->options.parse_flags(args, "test");
  return call_text(command, call->options, but);
}

}  // namespace

TEST_CASE("a call is told as it was typed, in the order of its options") {
  CHECK(again("trace", {"storyteller", "One day"}) == "orrery trace storyteller 'One day'");
  CHECK(again("trace", {"--temperature", "0.5", "storyteller", "it's", "--top-k=3"}) == "orrery trace storyteller 'it'\\''s' --temperature 0.5 --top-k 3");
  CHECK(again("trace", {"m", "--prompt-ids", "1,2,3", "--ablate", "layers.*.mlp", "--ablate", "layers.0.heads.1@-1"}) == "orrery trace m --prompt-ids 1,2,3 --ablate 'layers.*.mlp' --ablate layers.0.heads.1@-1");
  CHECK(again("trace", {"m", "t", "--no-do-sample", "--html", "page.html"}) == "orrery trace m t --html page.html --no-do-sample");
  CHECK(again("trace", {"m", "t", "--html", "page.html"}, {"html"}) == "orrery trace m t");
  CHECK(again("inspect patch", {"m", "a", "--corrupt", ""}) == "orrery inspect patch m a --corrupt ''");
}
