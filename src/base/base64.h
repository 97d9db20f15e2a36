// Base64 (RFC 4648, the alphabet with + and /): bytes inside JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace orrery {

std::string encode_base64(std::string_view bytes);
// Nothing where the text is not base64. Padding may be missing; white space is not allowed.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace orrery
