// A command of `orrery`: described options, one call into the library, one printer. It computes nothing itself.
//
// A command is one file, cli/commands/NAME.cpp, and one line in commands.inc. `vocab_train` is typed `vocab train`.
//
//   // cli/commands/tokenize.cpp
//   // `orrery tokenize MODEL TEXT`: text to tokens.
//   #include "cli/command.h"
//   #include "cli/loading.h"
//
//   namespace orrery::cli::commands {
//   namespace {
//   struct TokenizeOptions {
//     std::string model, text;
//     bool special = true;
//     static constexpr auto about = describe("tokenize", "",
//         option(&TokenizeOptions::model, "model", kModelHelp, positional(), required()),
//         option(&TokenizeOptions::text, "text", "The text.", positional()),
//         option(&TokenizeOptions::special, "special", "Add the special tokens of the model."));   // or --no-special
//   };
//
//   void run(Context& context, TokenizeOptions& options) {
//     const Tokenizer tokenizer = load_tokenizer(options.model);   // throws Error
//     const Encoding encoding = tokenizer.encode(options.text);
//     if (context.json()) return context.out().json({{"ids", encoding.ids}});
//     for (const std::string& token : encoding.tokens()) context.out().line(token);
//   }
//   }  // namespace
//
//   const Command& tokenize() {                                   // `vocab_train` says "vocab train" here
//     static const Command command{"tokenize", "Text to tokens.",
//                                  {"orrery tokenize storyteller 'Once upon a time'"}, run};
//     return command;
//   }
//   }  // namespace orrery::cli::commands
//
// `run` may take several described structs, `void run(Context&, EmbedOptions&, Pooling&)`: their options together are
// the command's. The options of GlobalOptions exist everywhere; a command's own option of the same name replaces the
// global one. `run` throws Error where the work fails; main() prints it and chooses the exit code.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/options.h"
#include "cli/context.h"

namespace orrery::cli {

// A call of a command: its options, and what runs once they are read.
class Call {
 public:
  virtual ~Call() = default;
  virtual void run(Context& context) = 0;
  OptionSet options;
};

class Command {
 public:
  // Each example is a line that runs as printed.
  template <class... Options>
  Command(std::string typed, std::string about, std::vector<std::string> lines, void (*body)(Context&, Options&...))
      : name(std::move(typed)),
        summary(std::move(about)),
        examples(std::move(lines)),
        start([body] { return std::unique_ptr<Call>(std::make_unique<CallOf<Options...>>(body)); }) {}

  std::string name;  // as typed: "tokenize", "vocab train"
  std::string summary;
  std::vector<std::string> examples;
  std::function<std::unique_ptr<Call>()> start;  // options at their defaults

 private:
  template <class... Options>
  class CallOf : public Call {
   public:
    explicit CallOf(void (*body)(Context&, Options&...)) : run_(body) {
      std::apply([&](auto&... each) { (this->options.add(each), ...); }, values_);
    }
    void run(Context& context) override {
      std::apply([&](auto&... each) { run_(context, each...); }, values_);
    }

   private:
    std::tuple<Options...> values_;
    void (*run_)(Context&, Options&...);
  };
};

// All commands, sorted by name.
const std::vector<const Command*>& all_commands();
// By name as typed; null where there is none.
const Command* command_named(std::string_view name);

}  // namespace orrery::cli
