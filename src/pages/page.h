// A self-contained HTML page: one file, no network, dark and light, usable by keyboard.
//
//   #include "inspect/attention.css.h"
//   #include "inspect/attention.js.h"
//   std::string html = page({.title = "Attention", .command = "orrery inspect attention …",
//                            .style = assets::attention_css, .script = assets::attention_js,
//                            .data = {{"tokens", tokens}}});
//
// The script finds `shell` (pages/shell.js) and its data as `shell.data`; it fills `shell.main` by `shell.el`. Texts in the
// data may be hostile: they can neither end the element that holds them nor run.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace orrery {

struct Page {
  std::string title;                  // plain text
  std::string command = {};                // the call that makes this page again; shown at its end
  std::string_view style = {}, script = {};     // of this page, after the shell's
  Json data;
};

std::string page(const Page& parts);

// JSON for the inside of an HTML element: without <, > and & and the line ends U+2028, U+2029, which are escaped.
std::string json_in_html(const Json& json);

}  // namespace orrery
