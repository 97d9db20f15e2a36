#include "train/documents.h"

#include <doctest/doctest.h>

#include "base/file.h"
#include "base/testing.h"

using namespace orrery;

TEST_CASE("a text file's documents are parted by <|endoftext|>, else by blank lines, else it is one") {
  const std::vector<std::string_view> marked = {"one\n\nstill one", "two"}, blank = {"one\ntwo", "three"}, whole = {"one\ntwo"};
  CHECK(texts_of("one\n\nstill one\n<|endoftext|>\ntwo\n<|endoftext|>\n") == marked);
  CHECK(texts_of("<|endoftext|>\r\none\n\nstill one\n<|endoftext|>\n\n<|endoftext|>\ntwo") == marked);
  CHECK(texts_of("\none\ntwo\n\n\nthree\n") == blank);
  CHECK(texts_of("one\ntwo\n") == whole);
  CHECK(texts_of("\n\n").empty());
  CHECK(texts_of("").empty());
}

TEST_CASE("records of the token objective are read and checked") {
  const TemporaryFolder folder("documents");
  const std::string path = (folder.path() / "a.jsonl").string();
  CHECK(write_file(path, "{\"input\": [3, 1, 2], \"target\": [1, 2, 3]}\n\n{\"input\": [5], \"target\": [-100]}\n"));
  const auto documents = open_documents({path}, "token", nullptr).value();
  CHECK(documents->count() == 2);
  CHECK(documents->at(0).labels == std::vector<int32_t>{1, 2, 3});
  for (const char* bad : {"{\"input\": [1]}", "{\"input\": [1], \"target\": [1, 2]}", "{\"input\": [1.5], \"target\": [1]}", "{\"input\": [1e12], \"target\": [1]}", "[", "7"}) {
    CAPTURE(bad);
    CHECK(write_file(path, bad));
    CHECK_FALSE(open_documents({path}, "token", nullptr));
  }
}

TEST_CASE("a corpus is read without a file, and wrong words about it are told") {
  const auto documents = open_documents({R"({"corpus": "sort", "seed": 4, "count": 10, "length": 5})"}, "token", nullptr).value();
  CHECK(documents->count() == 10);
  CHECK(documents->at(9).ids.size() == 5);
  CHECK(documents->at(9).ids == documents->at(9).ids);
  for (const char* bad : {R"({"corpus": "no such"})", R"({"seed": 1})", R"({"corpus": "sort", "count": -1})", R"({"corpus": "sort", "lenght": 5})", R"({"corpus": "sort", "count": 0})"}) {
    CAPTURE(bad);
    CHECK_FALSE(open_documents({bad}, "token", nullptr));
  }
  CHECK_FALSE(open_documents({"no such file.txt"}, "causal", nullptr));
}
