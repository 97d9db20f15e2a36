// Ends a text before any of some strings, while it streams: text that may be the beginning of one is held back.
//
//   StopStrings stop({"\n\n", "User:"});
//   out << stop.push("Hello\n");      // "Hello"
//   out << stop.push("there");        // "\nthere"
//   if (stop.found()) …               // the text ends here; what came after is dropped
//   out << stop.finish();             // what was held back, where no string was found
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace orrery {

class StopStrings {
 public:
  StopStrings() = default;
  explicit StopStrings(std::vector<std::string> strings);   // empty ones are left out

  std::string push(std::string_view text);
  std::string finish();
  bool found() const { return found_; }

 private:
  std::vector<std::string> strings_;
  std::string held_;
  bool found_ = false;
};

}  // namespace orrery
