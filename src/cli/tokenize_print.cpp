#include "cli/tokenize_print.h"

#include <algorithm>
#include <cstdio>

#include "base/utf8.h"
#include "cli/loading.h"

namespace orrery::cli {

namespace {

std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.4g", value);
  return buffer;
}

// Why a piece became its tokens, as Tokenizer::explain has it, in lines.
std::vector<std::string> reasons(const Json& why) {
  std::vector<std::string> lines;
  const auto text = [](const Json& v) { return printable(v.get<std::string>()); };
  const auto joined = [&](const Json& list) {
    std::string all;
    for (const Json& token : list) all += (all.empty() ? "" : " ") + text(token);
    return all;
  };
  if (why.value("whole", false)) lines.push_back("a token as a whole");
  if (why.contains("normalized")) lines.push_back("read as " + text(why["normalized"]));
  if (why.contains("dropout")) lines.push_back("each merge is passed over with a probability of " + number(why["dropout"].get<double>()) + "; without that:");
  if (why.contains("start")) lines.push_back("begins as " + joined(why["start"]));
  if (why.contains("merges"))
    for (const Json& merge : why["merges"])
      lines.push_back((merge.contains("rank") ? "rank " + std::to_string(merge["rank"].get<int64_t>()) : "score " + number(merge["score"].get<double>())) + ": " + text(merge["left"]) + " + " +
                      text(merge["right"]) + " = " + text(merge["token"]));
  if (why.contains("best")) lines.push_back("best, " + number(why["best"]["score"].get<double>()) + ": " + joined(why["best"]["tokens"]));
  if (why.contains("runner_up")) lines.push_back("next, " + number(why["runner_up"]["score"].get<double>()) + ": " + joined(why["runner_up"]["tokens"]));
  if (why.contains("matches"))
    for (const Json& match : why["matches"]) lines.push_back("longest match " + text(match["token"]) + ", after " + std::to_string(match["longer_tried"].get<int64_t>()) + " longer");
  if (why.value("too_long", false)) lines.push_back("unknown: more characters than a word may have");
  if (why.contains("stuck_at")) lines.push_back("unknown: no token begins " + text(why["stuck_at"]));
  if (why.contains("known") && !why["known"].get<bool>()) lines.push_back("unknown: not in the vocabulary");
  if (why["model"] == "added token") lines.push_back("an added token, found before the model saw the text");
  return lines;
}

Json numbers(const std::vector<int32_t>& all) {
  Json list = Json::array();
  for (const int32_t one : all) list.push_back(one == Encoding::kNone ? Json() : Json(one));
  return list;
}

}  // namespace

Json encoding_json(const Encoding& e, const Tokenizer& tokenizer, bool cuts) {
  Json offsets = Json::array();
  for (const Offsets& at : e.offsets) offsets.push_back({at.begin, at.end});
  Json row = {{"ids", e.ids}, {"tokens", e.tokens()}, {"offsets", offsets}, {"type_ids", e.type_ids}, {"special", e.special}, {"words", numbers(e.words)},
              {"attention_mask", e.mask}, {"sequence_ids", numbers(e.sequences)}, {"decoded", tokenizer.decode(e.ids, true)}};
  if (!cuts) return row;
  row["overflowing"] = Json::array();
  for (const Encoding& part : e.overflow) row["overflowing"].push_back(encoding_json(part, tokenizer, false));
  return row;
}

void print_encoding(Output& out, const Encoding& e, const Tokenizer& tokenizer) {
  if (out.colours()) {
    std::string line;
    for (size_t i = 0; i < e.size(); ++i) {
      const std::string bytes = tokenizer.token_bytes(e.ids[i]);
      line += (i % 2 ? "\033[48;5;153;30m" : "\033[48;5;223;30m") + printable(e.special[i] ? e.token(i) : bytes) + "\033[0m";
    }
    out.line(line);
  }
  size_t width = 5;
  for (const std::string& token : e.tokens()) width = std::max(width, count_code_points(printable(token)));
  width = std::min<size_t>(width, 30);
  out.line("     id  token" + std::string(width - 5, ' ') + "  offsets");
  for (size_t i = 0; i < e.size(); ++i) {
    const std::string id = std::to_string(e.ids[i]), token = printable(e.token(i));
    const size_t columns = count_code_points(token);
    out.line(std::string(7 - std::min<size_t>(7, id.size()), ' ') + id + "  " + token + std::string(width - std::min(width, columns), ' ') + "  " +
             std::to_string(e.offsets[i].begin) + " to " + std::to_string(e.offsets[i].end));
  }
  out.line(std::to_string(e.size()) + (e.size() == 1 ? " token" : " tokens"));
  for (size_t i = 0; i < e.overflow.size(); ++i) {
    out.line("");
    out.line("cut off, " + std::to_string(i + 1) + " of " + std::to_string(e.overflow.size()) + ":");
    print_encoding(out, e.overflow[i], tokenizer);
  }
}

void print_stages(Output& out, const Json& stages) {
  const bool colours = out.colours();
  const auto pieces_text = [&](const Json& pieces) {
    std::string line;
    for (size_t i = 0; i < pieces.size(); ++i) {
      const std::string piece = printable(pieces[i].get<std::string>());
      if (colours) line += (i % 2 ? "\033[48;5;153;30m" : "\033[48;5;223;30m") + piece + "\033[0m";
      else line += (i ? "|" : "") + piece;
    }
    return line;
  };
  size_t width = 0;
  for (const Json& step : stages["steps"]) width = std::max(width, step["step"].get<std::string>().size());
  for (const Json& step : stages["steps"]) {
    std::string name = step["step"].get<std::string>();
    name.resize(width, ' ');
    out.line(name + "  " + pieces_text(step["pieces"]));
  }
  for (const Json& piece : stages["pieces"]) {
    out.line("");
    out.line(printable(piece["text"].get<std::string>()) + " -> " + pieces_text(piece["tokens"]));
    for (const std::string& line : reasons(piece["why"])) out.line("  " + line);
  }
  out.line("");
}

}  // namespace orrery::cli
