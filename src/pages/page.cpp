#include "pages/page.h"

#include "base/base64.h"
#include "base/sha256.h"
#include "pages/shell.css.h"
#include "pages/shell.js.h"

namespace orrery {

namespace {

std::string escaped(std::string_view text) {
  std::string html;
  for (const char ch : text) switch (ch) {
      case '<': html += "&lt;"; break;
      case '>': html += "&gt;"; break;
      case '&': html += "&amp;"; break;
      default: html += ch;
    }
  return html;
}

// A source of the content security policy: the element whose text has this digest.
std::string source_of(std::string_view text) { return "'sha256-" + encode_base64(sha256(text)) + "'"; }

}  // namespace

std::string json_in_html(const Json& json) {
  std::string html;
  const std::string line = to_line(json);
  for (size_t i = 0; i < line.size(); ++i) switch (line[i]) {
      case '<': html += "\\u003c"; break;
      case '>': html += "\\u003e"; break;
      case '&': html += "\\u0026"; break;
      case '\xe2':
        if (line.compare(i, 3, "\xe2\x80\xa8") == 0 || line.compare(i, 3, "\xe2\x80\xa9") == 0) {
          html += line[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
          i += 2;
          break;
        }
        [[fallthrough]];
      default: html += line[i];
    }
  return html;
}

std::string page(const Page& parts) {
  const std::string style = std::string(assets::shell_css) + std::string(parts.style);
  const std::string script = std::string(assets::shell_js) + std::string(parts.script);
  ORRERY_ASSERT(style.find("</") == std::string::npos && script.find("</") == std::string::npos && script.find("<!--") == std::string::npos);
  const Json data = {{"title", parts.title}, {"command", parts.command}, {"version", ORRERY_VERSION}, {"data", parts.data}};
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src " + source_of(script) + "; style-src " + source_of(style) +
         "; img-src data:; base-uri 'none'; form-action 'none'\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
         "<meta name=\"color-scheme\" content=\"dark light\">\n<link rel=\"icon\" href=\"data:,\">\n"
         "<title>" + escaped(parts.title) + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n"
         "<noscript>" + escaped(parts.title) + ": this page draws itself with its own script; it loads nothing from elsewhere.</noscript>\n"
         "<script type=\"application/json\" id=\"data\">" + json_in_html(data) + "</script>\n"
         "<script>" + script + "</script>\n</body>\n</html>\n";
}

}  // namespace orrery
