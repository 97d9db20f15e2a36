# cmake -DASSET=src/pages/shell.js -DHEADER=….h -P embed.cmake: the text of a file as a constant, assets::shell_js.
file(READ ${ASSET} text)
string(LENGTH "${text}" length)
if(length GREATER 60000)
  message(FATAL_ERROR "${ASSET} is too long for one string literal: split it in two files")
endif()
get_filename_component(name ${ASSET} NAME)
string(MAKE_C_IDENTIFIER "${name}" name)
file(WRITE ${HEADER} "// Made from ${ASSET}; do not edit.
#pragma once
#include <string_view>
namespace orrery::assets {
inline constexpr std::string_view ${name} = R\"asset(${text})asset\";
}
")
