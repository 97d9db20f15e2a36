#include "graph/panel_cache.h"

#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "base/testing.h"
#include "graph/weights.h"

using namespace orrery;

namespace {

Tensor some_bytes(int64_t count, uint64_t seed) {
  Tensor bytes = Tensor::zeros(DType::u8, {count});
  Random random(seed);
  for (int64_t i = 0; i < count; ++i) bytes.mutable_data<uint8_t>()[i] = uint8_t(random.bits());
  return bytes;
}

bool same(const Tensor& a, const Tensor& b) { return a.bytes() == b.bytes() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0; }

// The files of a folder, and what a cache told while it was used.
struct Folder {
  TemporaryFolder temporary{"panels"};
  std::filesystem::path path = temporary.path() / "cache";
  std::string told = {};

  PanelCache cache(const std::string& key = "weights", int64_t max_bytes = 1 << 30) {
    return PanelCache({path, max_bytes, [this](const std::string& text) { told += text + "\n"; }, {}}, key, "a model");
  }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> found;
    if (std::filesystem::exists(path))
      for (const auto& entry : std::filesystem::directory_iterator(path)) found.push_back(entry.path());
    return found;
  }
  // A file with the panels "a" (of 5000 bytes, not whole pages) and "b" (over a huge page), as bytes.
  std::string written() {
    PanelCache first = cache();
    first.add("a", PanelFormat::bf16, some_bytes(5000, 1));
    first.add("b", PanelFormat::q4_k, some_bytes(3'000'000, 2));
    first.write();
    return read_file(files().at(0)).value();
  }
};

std::string error_of(const std::string& bytes) {
  const auto table = parse_panel_table(std::as_bytes(std::span(bytes.data(), bytes.size())), "f");
  return table ? "accepted" : table.error().what;
}

// The same file with a checksum that is right.
std::string with_checksum(std::string bytes, size_t table_bytes) {
  return bytes.replace(kPanelChecksumAt, kPanelChecksumBytes, panel_table_checksum(std::string_view(bytes).substr(0, table_bytes)));
}

}  // namespace

TEST_CASE("panels that were kept are mapped by the next run, byte by byte") {
  Folder folder;
  CHECK(!folder.cache().find("a", PanelFormat::bf16, 5000));
  folder.written();
  const PanelCache next = folder.cache();
  const auto a = next.find("a", PanelFormat::bf16, 5000), b = next.find("b", PanelFormat::q4_k, 3'000'000);
  REQUIRE(a);
  REQUIRE(b);
  CHECK(same(*a, some_bytes(5000, 1)));
  CHECK(same(*b, some_bytes(3'000'000, 2)));
  CHECK(!a->writable());
  CHECK(reinterpret_cast<uintptr_t>(a->raw()) % kPanelAlignment == 0);
  CHECK(reinterpret_cast<uintptr_t>(b->raw()) % kPanelAlignment == 0);
  CHECK(!next.find("c", PanelFormat::bf16, 5000));
  CHECK(!next.find("a", PanelFormat::f16, 5000));
  CHECK(!next.find("a", PanelFormat::bf16, 5001));
  CHECK(!folder.cache("other weights").find("a", PanelFormat::bf16, 5000));
  CHECK(folder.told.empty());
}

TEST_CASE("what a later plan packs goes into one more file") {
  Folder folder;
  folder.written();
  PanelCache second = folder.cache();
  second.write();                                            // nothing is new
  CHECK(folder.files().size() == 1);
  second.add("c", PanelFormat::own, some_bytes(100, 3));
  second.write();
  CHECK(folder.files().size() == 2);
  const PanelCache third = folder.cache();
  CHECK(third.find("a", PanelFormat::bf16, 5000));
  CHECK(third.find("c", PanelFormat::own, 100));
  const auto listed = panel_cache_files(folder.path);
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].source == "a model");
  CHECK(listed[0].entries + listed[1].entries == 3);
}

TEST_CASE("a damaged file is told, and made anew") {
  Folder folder;
  const std::string sound = folder.written();
  CHECK(error_of(sound) == "accepted");
  const std::filesystem::path path = folder.files().at(0);
  const struct {
    const char* what;
    std::function<void(std::string&)> damage;
  } cases[] = {
      {"empty", [](std::string& bytes) { bytes.clear(); }},
      {"of another kind", [](std::string& bytes) { bytes = "GGUF" + bytes.substr(4); }},
      {"of another version", [](std::string& bytes) { bytes[8] = 2; }},
      {"cut in the table", [](std::string& bytes) { bytes.resize(100); }},
      {"cut in the panels", [](std::string& bytes) { bytes.resize(bytes.size() - 1); }},
      {"with more at its end", [](std::string& bytes) { bytes += "x"; }},
      {"with a bit changed in the table", [](std::string& bytes) { bytes[120] = char(bytes[120] ^ 1); }},
      {"with another key", [](std::string& bytes) { bytes[70] = char(bytes[70] ^ 1); }},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    std::string bytes = sound;
    one.damage(bytes);
    write_file(path, bytes).value();
    folder.told.clear();
    CHECK(!folder.cache().find("a", PanelFormat::bf16, 5000));
    CHECK(folder.told.find("packed weights are made anew") == 0);
    folder.written();                                         // replaces the file
    CHECK(folder.cache().find("a", PanelFormat::bf16, 5000));
  }
}

TEST_CASE("a table with a sound checksum is still not trusted") {
  Folder folder;
  const std::string sound = folder.written();
  uint64_t table_bytes = 0;
  std::memcpy(&table_bytes, sound.data() + 16, sizeof table_bytes);
  const size_t entry = 64 + 32 + 4 + 7;                       // checksum, key, "a model": then the first entry, "a"
  const auto changed = [&](size_t at, uint64_t value, size_t size) {
    std::string bytes = sound;
    std::memcpy(bytes.data() + at, &value, size);
    return error_of(with_checksum(bytes, table_bytes));
  };
  CHECK(error_of(with_checksum(sound, table_bytes)) == "accepted");
  CHECK(changed(entry, uint64_t(1) << 31, 4) == "the table ends in entry 0");
  CHECK(changed(entry + 4, 'b', 1) == "two entries are named 'b'");
  CHECK(changed(entry + 5, 99, 4) == "panels of format 99");
  CHECK(changed(entry + 9, 0, 8) == "the panels of 'a' are not where they should be");
  CHECK(changed(entry + 9, uint64_t(1) << 63, 8) == "the panels of 'a' are not where they should be");
  CHECK(changed(entry + 17, ~uint64_t(0) - 100, 8) == "the panels of 'a' are not where they should be");
  CHECK(changed(12, 1, 4) == "there is more than the table says");
  CHECK(changed(12, 3, 4) == "the table ends in entry 2");
  CHECK(changed(12, 0xFFFFFFFF, 4) == "the table ends in entry 2");
}

TEST_CASE("writers at the same time do no harm") {
  Folder folder;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        PanelCache cache({folder.path, 1 << 30, {}, {}}, "weights", "a model");
        if (const auto found = cache.find("a", PanelFormat::bf16, 200'000)) CHECK(same(*found, some_bytes(200'000, 1)));
        cache.add("a", PanelFormat::bf16, some_bytes(200'000, 1));
        cache.write();
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(folder.files().size() == 1);
  CHECK(folder.cache().find("a", PanelFormat::bf16, 200'000));
}

TEST_CASE("the files that were not used for longest go") {
  Folder folder;
  const auto keep = [&](const std::string& key, int64_t max_bytes) {
    PanelCache cache = folder.cache(key, max_bytes);
    cache.add("a", PanelFormat::own, some_bytes(100'000, 1));
    cache.write();
  };
  keep("one", 1 << 20);
  keep("two", 1 << 20);
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(2);
  for (const auto& file : folder.files()) std::filesystem::last_write_time(file, long_ago);
  CHECK(folder.cache("one").find("a", PanelFormat::own, 100'000));      // used now
  keep("three", 250'000);
  CHECK(folder.cache("one").find("a", PanelFormat::own, 100'000));
  CHECK(!folder.cache("two").find("a", PanelFormat::own, 100'000));
  CHECK(folder.cache("three").find("a", PanelFormat::own, 100'000));
  CHECK(folder.told.empty());
  keep("four", 1000);                                                   // larger than all may be
  CHECK(folder.told.find("are not kept: the limit is 1000") != std::string::npos);
  CHECK(folder.files().size() == 2);
  write_file(folder.path / "x.panels.tmp-1-0", "left by a process that died").value();
  std::filesystem::last_write_time(folder.path / "x.panels.tmp-1-0", long_ago);
  write_file(folder.path / "y.panels.tmp-1-0", "being written").value();
  CHECK(shrink_panel_cache(folder.path, 1 << 30) > 0);
  CHECK(folder.files().size() == 3);
  CHECK(shrink_panel_cache(folder.path, 0) > 200'000);
  CHECK(folder.files().empty());
}

TEST_CASE("a folder that cannot be written is told, and no error") {
  Folder folder;
  write_file(folder.path, "a file in the folder's place").value();
  PanelCache cache = folder.cache();
  cache.add("a", PanelFormat::own, some_bytes(10, 1));
  cache.write();
  CHECK(folder.told.find("packed weights are not kept: ") == 0);
}

TEST_CASE("weights of a mapped file are packed once, whatever the format") {
  struct Way {
    std::optional<BlockFormat> blocks = {};
    DType products = DType::f32;
    bool int8 = false;
  };
  Folder folder;
  ThreadPool pool(2);
  Tensor values = Tensor::zeros(DType::f32, {96, 64});
  Random random(7);
  for (int64_t i = 0; i < values.numel(); ++i) values.mutable_data<float>()[i] = float(random.normal());
  for (const DType held : {DType::f32, DType::bf16, DType::f16}) {
    const Tensor wanted = values.to(held);
    const std::filesystem::path file = folder.temporary.path() / name_of(held);
    write_file(file, {reinterpret_cast<const char*>(wanted.raw()), size_t(wanted.bytes())}).value();
    const auto store = [&](bool with_cache, const Way& way) {
      auto made = std::make_unique<WeightStore>();
      made->products = way.products;
      Weight weight;
      weight.value = Tensor::view(storage_of(MappedFile::open(file).value()), held, {96, 64});
      weight.blocks = way.blocks;
      weight.int8 = way.int8;
      made->add("w", std::move(weight));
      if (with_cache) made->cache = std::make_unique<PanelCache>(folder.cache());
      return made;
    };
    for (const Way& way : {Way{}, Way{.products = DType::bf16}, Way{.blocks = BlockFormat::q8_0}, Way{.blocks = BlockFormat::q4_0}, Way{.blocks = BlockFormat::q4_0, .products = DType::bf16},
                           Way{.int8 = true}})
      for (const Orientation orientation : {Orientation::rows, Orientation::columns}) {
        const Panels plain = store(false, way)->packed("w", orientation, DType::f32, &pool);
        const auto first = store(true, way);
        CHECK(first->packed("w", orientation, DType::f32, &pool).bytes.writable());
        first->keep_packed();
        const auto second = store(true, way);
        const Panels mapped = second->packed("w", orientation, DType::f32, &pool);
        CHECK(mapped.format == plain.format);
        CHECK(!mapped.bytes.writable());
        CHECK(same(mapped.bytes, plain.bytes));
        second->changed("w");                                  // somebody trains it
        CHECK(second->packed("w", orientation, DType::f32, &pool).bytes.writable());
      }
  }
  CHECK(folder.files().size() == 36);
  CHECK(folder.told.empty());
}

TEST_CASE("other values in the same place are other weights") {
  Folder folder;
  const std::filesystem::path file = folder.temporary.path() / "w";
  const auto packed = [&](float value) {
    Tensor values = Tensor::zeros(DType::f32, {40, 40});
    values.mutable_data<float>()[0] = value;
    write_file(file, {reinterpret_cast<const char*>(values.raw()), size_t(values.bytes())}).value();
    WeightStore store;
    store.add("w", {.value = Tensor::view(storage_of(MappedFile::open(file).value()), DType::f32, {40, 40})});
    store.cache = std::make_unique<PanelCache>(folder.cache());
    const Panels panels = store.packed("w", Orientation::rows, DType::f32, nullptr);
    store.keep_packed();
    return panels.bytes;
  };
  CHECK(packed(1).writable());
  CHECK(!packed(1).writable());
  const Tensor other = packed(2);
  CHECK(other.writable());
  CHECK(reinterpret_cast<const float*>(other.raw())[0] == 2);
}
