// `orrery completions bash|zsh|fish`: a completion script, from the descriptions of commands and options.
#include <set>

#include "cli/command.h"
#include "cli/help.h"

namespace orrery::cli::commands {
namespace {
struct CompletionsOptions {
  std::string shell;
  static constexpr auto about = describe("completions", "",
                                         option(&CompletionsOptions::shell, "shell", "The shell.",
                                                one_of("bash", "zsh", "fish"), positional(), required()));
};

// A command with all options that its call takes.
struct Described {
  const Command* command;
  std::unique_ptr<Call> call;
};

std::vector<Described> all_described(GlobalOptions& globals) {
  std::vector<Described> all;
  for (const Command* command : all_commands()) {
    all.push_back({command, command->start()});
    all.back().call->options.add(globals);
  }
  return all;
}

std::string first_word(const std::string& name) { return name.substr(0, name.find(' ')); }
std::string second_word(const std::string& name) {
  const size_t space = name.find(' ');
  return space == std::string::npos ? "" : name.substr(space + 1);
}

std::string shown_flag(const Option& option) {
  return option.is_bool() && option.initial == Json(true) ? "--no-" + option.flag().substr(2) : option.flag();
}

// Inside single quotes.
std::string plain(std::string text, std::string_view drop) {
  std::erase_if(text, [&](char c) { return c == '\'' || drop.find(c) != std::string_view::npos; });
  return text;
}

std::string words_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string bash(const std::vector<Described>& all) {
  std::set<std::string> first;
  std::string pairs, values, flags, seconds;
  std::set<std::string> groups;
  for (const auto& [command, call] : all) {
    first.insert(first_word(command->name));
    if (!second_word(command->name).empty()) {
      pairs += "    '" + command->name + "') command='" + command->name + "' ;;\n";
      groups.insert(first_word(command->name));
    }
    std::vector<std::string> names;
    for (const Option& option : call->options.options()) {
      if (option.info.positional) {
        if (!option.choices().empty())
          values += "    '" + command->name + " " + second_word(" " + command->name) + "') words='" +
                    words_of(option.choices()) + "' ;;\n";
        continue;
      }
      names.push_back(shown_flag(option));
      if (!option.choices().empty())
        values += "    '" + command->name + " " + option.flag() + "') words='" + words_of(option.choices()) + "' ;;\n";
    }
    flags += "    '" + command->name + "') flags='" + words_of(names) + "' ;;\n";
  }
  for (const std::string& group : groups) {
    std::vector<std::string> words;
    for (const auto& [command, call] : all)
      if (first_word(command->name) == group && !second_word(command->name).empty())
        words.push_back(second_word(command->name));
    seconds += "    '" + group + "') words='" + words_of(words) + "' ;;\n";
  }
  return "# bash completion of orrery: source <(orrery completions bash)\n"
         "_orrery() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local command=${COMP_WORDS[1]-} words= flags=\n"
         "  if [ \"$COMP_CWORD\" -le 1 ]; then\n"
         "    COMPREPLY=($(compgen -W '" +
         words_of({first.begin(), first.end()}) +
         "' -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  case \"${COMP_WORDS[1]-} ${COMP_WORDS[2]-}\" in\n" +
         pairs +
         "    *) ;;\n  esac\n"
         "  if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
         "    case \"$command\" in\n" +
         seconds +
         "    *) ;;\n    esac\n"
         "  fi\n"
         "  case \"$command $before\" in\n" +
         values +
         "    *) ;;\n  esac\n"
         "  case \"$command\" in\n" +
         flags +
         "    *) ;;\n  esac\n"
         "  if [[ $word == -* ]]; then words=$flags; fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -o default -F _orrery orrery\n";
}

std::string zsh(const std::vector<Described>& all) {
  std::string text =
      "#compdef orrery\n# zsh completion of orrery: orrery completions zsh > a folder of $fpath, as _orrery\n_orrery() "
      "{\n  local -a names\n";
  std::string names, cases;
  for (auto described = all.rbegin(); described != all.rend(); ++described) {  // `bench train` before `bench`
    const auto& [command, call] = *described;
    const std::string second = second_word(command->name);
    names += "    '" + command->name + ":" + plain(command->summary, ":[]") + "'\n";
    // One word or two, told apart by the space that stands between them.
    cases += second.empty() ? "    ('" + command->name + " '*)\n" : "    ('" + command->name + "')\n";
    cases += "      _arguments \\\n";
    for (const Option& option : call->options.options()) {
      if (option.info.positional) continue;
      std::string value;
      if (option.takes_value()) {
        value = ":" + plain(option.metavar(), ":[]") + ":";
        if (!option.choices().empty()) value += "(" + words_of(option.choices()) + ")";
        else if (option.is_path()) value += "_files";
      }
      cases += "        '" + shown_flag(option) + "[" + plain(option.info.help, ":[]") + "]" + value + "' \\\n";
    }
    cases += "        '*:argument:_files' ;;\n";
  }
  text += "  names=(\n" + names +
          "  )\n"
          "  if (( CURRENT == 2 )); then _describe command names; return; fi\n"
          "  case \"$words[2] $words[3]\" in\n" +
          cases + "  esac\n}\ncompdef _orrery orrery\n";
  return text;
}

std::string fish(const std::vector<Described>& all) {
  std::string text = "# fish completion of orrery: orrery completions fish > ~/.config/fish/completions/orrery.fish\n";
  std::set<std::string> seen;
  for (const auto& [command, call] : all) {
    const std::string first = first_word(command->name), second = second_word(command->name);
    if (seen.insert(first).second)
      text += "complete -c orrery -n __fish_use_subcommand -f -a " + first + " -d '" +
              plain(second.empty() ? command->summary : first + " …", "") + "'\n";
    std::string condition = "__fish_seen_subcommand_from " + first;
    if (!second.empty()) {
      text += "complete -c orrery -n '" + condition + "' -a " + second + " -d '" + plain(command->summary, "") + "'\n";
      condition += "; and __fish_seen_subcommand_from " + second;
    }
    for (const Option& option : call->options.options()) {
      if (option.info.positional) continue;
      text += "complete -c orrery -n '" + condition + "' -l " + shown_flag(option).substr(2);
      if (option.info.letter) text += std::string(" -s ") + option.info.letter;
      if (option.takes_value()) text += option.is_path() ? " -r -F" : " -x";
      if (!option.choices().empty()) text += " -a '" + words_of(option.choices()) + "'";
      text += " -d '" + plain(option.info.help, "") + "'\n";
    }
  }
  return text;
}

void run(Context& context, CompletionsOptions& options) {
  GlobalOptions globals;
  const std::vector<Described> all = all_described(globals);
  context.out().text(options.shell == "bash" ? bash(all) : options.shell == "zsh" ? zsh(all) : fish(all));
}
}  // namespace

const Command& completions() {
  static const Command command{
      "completions", "Print a completion script for bash, zsh or fish.", {"orrery completions bash"}, run};
  return command;
}
}  // namespace orrery::cli::commands
