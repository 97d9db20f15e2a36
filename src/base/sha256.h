// SHA-256 (FIPS 180-4): what a text is known by, as in the content security policy of a page.
#pragma once

#include <string>
#include <string_view>

namespace orrery {

// The digest's 32 bytes.
std::string sha256(std::string_view bytes);

// Each byte as two digits, 0 to f.
std::string hex(std::string_view bytes);

}  // namespace orrery
