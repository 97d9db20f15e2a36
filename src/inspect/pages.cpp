// The pages of this folder: their own scripts after what they share.
#include "inspect/looking.css.h"
#include "inspect/looking.js.h"
#include "inspect/patch.css.h"
#include "inspect/patch.js.h"
#include "inspect/patching.h"
#include "inspect/trace.css.h"
#include "inspect/trace.h"
#include "inspect/trace.js.h"
#include "pages/page.h"

namespace orrery {

namespace {
std::string page_of(const char* title, const std::string& model, const std::string& command, std::string_view style, std::string_view script, Json data) {
  const std::string styles = std::string(assets::looking_css) + std::string(style), scripts = std::string(assets::looking_js) + std::string(script);
  data["model"] = model;
  return page({.title = title, .command = command, .style = styles, .script = scripts, .data = std::move(data)});
}
}  // namespace

std::string trace_page(Json document, const std::string& model, const std::string& command) { return page_of("Trace", model, command, assets::trace_css, assets::trace_js, std::move(document)); }
std::string patch_page(Json document, const std::string& model, const std::string& command) { return page_of("Patching", model, command, assets::patch_css, assets::patch_js, std::move(document)); }

}  // namespace orrery
