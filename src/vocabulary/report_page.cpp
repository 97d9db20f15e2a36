// The page of a report.
#include "pages/page.h"
#include "vocabulary/report.css.h"
#include "vocabulary/report.h"
#include "vocabulary/report.js.h"

namespace orrery {

std::string report_page(const Json& report, const std::string& command) {
  return page({.title = "Vocabulary", .command = command, .style = assets::report_css, .script = assets::report_js, .data = report});
}

}  // namespace orrery
