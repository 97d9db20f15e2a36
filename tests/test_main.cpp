#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "base/error.h"

// An Error that nobody expected is shown as the user would see it.
REGISTER_EXCEPTION_TRANSLATOR(const orrery::Error& error) {
  return doctest::String((error.message() + (error.hint.empty() ? "" : "; hint: " + error.hint)).c_str());
}
