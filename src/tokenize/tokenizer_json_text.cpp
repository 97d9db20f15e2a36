// The reference's reader of JSON rounds a number twice (score_of), so that the shortest spelling of a score may be read as its
// neighbour: the reference itself loses that bit when it writes what it has read. Among spellings of 14 to 20 digits near a score
// that was read from a file there is one that both roundings bring to it.
#include "tokenize/tokenizer_json_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "tokenize/long_lists.h"

namespace orrery {

namespace {

// digits * 10^-places
std::string spelled(bool negative, uint64_t digits, int places) {
  return (negative ? "-" : "") + std::to_string(digits) + "e" + std::to_string(-places);
}

}  // namespace

std::string score_text(double score) {
  if (const std::string usual = to_line(Json(score)); !std::isfinite(score) || score_of(usual) == score) return usual;
  std::array<char, 40> shortest;
  const auto end = std::to_chars(shortest.data(), shortest.data() + shortest.size(), score).ptr;
  if (const std::string_view text(shortest.data(), size_t(end - shortest.data())); score_of(text) == score) return std::string(text);
  const double size = std::abs(score);
  const int magnitude = int(std::floor(std::log10(size)));
  for (int count = 14; count <= 20; ++count) {
    const int places = count - 1 - magnitude;
    const long double exact = static_cast<long double>(size) * std::pow(10.0L, static_cast<long double>(places));
    if (exact > 1.8e19L) break;   // beyond 64 bits
    const auto near = static_cast<uint64_t>(exact);
    uint64_t step = 1;
    for (int i = 17; i < count; ++i) step *= 10;
    for (uint64_t away = 0; away <= 64; ++away)
      for (const uint64_t digits : {near + away * step, near - away * step})
        if (std::string text = spelled(score < 0, digits, places); score_of(text) == score) return text;
  }
  return to_line(Json(score));
}

std::string tokenizer_json_text(Json json) {
  Json& model = json["model"];
  if (!model.is_object() || !model.contains("vocab") || !model["vocab"].is_array()) return to_text(json);
  const Json pieces = std::move(model["vocab"]);
  model["vocab"] = Json::array();
  std::string text = to_text(json), list;
  for (const Json& piece : pieces)
    list += (list.empty() ? "\n      [\n        " : ",\n      [\n        ") + to_line(piece[0]) + ",\n        " + score_text(piece[1].get<double>()) + "\n      ]";
  if (list.empty()) return text;
  constexpr std::string_view kEmpty = "\"vocab\": []";   // only a name: in a string its quotes would be escaped
  text.replace(text.rfind(kEmpty), kEmpty.size(), "\"vocab\": [" + list + "\n    ]");
  return text;
}

}  // namespace orrery
