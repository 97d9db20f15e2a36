#include "base/error.h"

#include <doctest/doctest.h>

using namespace orrery;

TEST_CASE("a result holds a value or an error, and value() throws the error") {
  const Result<int> good = 3;
  CHECK(*good == 3);
  Result<int> bad = Error{ErrorKind::bad_file, "tensor ends past the file", "model.safetensors"};
  CHECK_FALSE(bad);
  CHECK(bad.error().message() == "tensor ends past the file (model.safetensors)");
  CHECK_THROWS_AS((void)bad.value(), Error);
}
