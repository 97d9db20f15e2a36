#include "checkpoint/gguf.h"

#include <doctest/doctest.h>

#include <cstring>

#include "base/testing.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_names.h"

using namespace orrery;

namespace {

std::string number(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(i < 8 ? value >> (8 * i) & 0xFF : 0));
  return out;
}
std::string text(const std::string& s) { return number(s.size(), 8) + s; }
std::string described(const std::string& name, const std::vector<uint64_t>& axes, uint32_t type, uint64_t offset) {
  std::string out = text(name) + number(axes.size(), 4);
  for (const uint64_t size : axes) out += number(size, 8);
  return out + number(type, 4) + number(offset, 8);
}
// Of tensors without keys; the data is `data` bytes of 1.
std::string file_of(const std::vector<std::string>& tensors, size_t data, const std::string& keys = {}, uint64_t key_count = 0) {
  std::string out = "GGUF" + number(3, 4) + number(tensors.size(), 8) + number(key_count, 8) + keys;
  for (const std::string& tensor : tensors) out += tensor;
  out.resize((out.size() + 31) / 32 * 32, '\0');
  return out + std::string(data, '\1');
}

std::string error_of(const std::string& bytes) {
  const Result<GgufHeader> header = parse_gguf(std::as_bytes(std::span(bytes)), "x.gguf");
  return header ? "" : header.error().what;
}

}  // namespace

TEST_CASE("tensors are found with their shapes, the innermost axis last, and their bytes") {
  const std::string bytes = file_of({described("a", {32, 3}, 8, 0), described("b", {2}, 0, 128), described("c", {}, 30, 160)}, 192);
  const GgufHeader header = parse_gguf(std::as_bytes(std::span(bytes)), "x.gguf").value();
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[0].shape == std::vector<int64_t>{3, 32});
  CHECK(header.tensors[0].type == GgufType(BlockFormat::q8_0));
  CHECK(header.tensors[0].end - header.tensors[0].begin == 102);
  CHECK(header.tensors[0].begin % 32 == 0);
  CHECK(header.tensors[1].type == GgufType(DType::f32));
  CHECK(header.tensors[1].begin == header.tensors[0].begin + 128);
  CHECK(header.tensors[2].shape.empty());
  CHECK(header.tensors[2].end - header.tensors[2].begin == 2);
}

TEST_CASE("elements are a view of the file, blocks are read as floats") {
  const TemporaryFolder folder("gguf");
  std::string data(64, '\0');
  const float one = 1;
  std::memcpy(data.data(), &one, 4);
  std::string block = number(0x3C00, 2);   // 1.0
  for (int i = 0; i < 32; ++i) block.push_back(static_cast<char>(i - 16));
  write_file(folder.path() / "a.gguf", file_of({described("f", {4}, 0, 0), described("q", {32, 1}, 8, 64)}, 0) + data + block).value();
  const GgufFile file = GgufFile::open(folder.path() / "a.gguf").value();
  const Tensor f = file.tensor(*file.find("f")), q = file.tensor(*file.find("q"));
  CHECK(f.data<float>()[0] == 1);
  CHECK_FALSE(f.writable());
  CHECK(q.shape() == std::vector<int64_t>{1, 32});
  CHECK(q.data<float>()[0] == -16);
  CHECK(q.data<float>()[31] == 15);
  CHECK(file.find("absent") == nullptr);
}

TEST_CASE("files whose tensors cannot be are refused, and told why") {
  const auto one = [](const std::vector<uint64_t>& axes, uint32_t type, uint64_t offset, size_t data) { return error_of(file_of({described("t", axes, type, offset)}, data)); };
  CHECK(one({1, 1, 1, 1, 1}, 0, 0, 64).find("has 5 axes, and at most 4 there can be") != std::string::npos);
  CHECK(one({uint64_t(1) << 63}, 0, 0, 64).find("has an axis of 9223372036854775808") != std::string::npos);
  CHECK(one({uint64_t(1) << 40, uint64_t(1) << 40}, 0, 0, 64) == "tensor 't' has the impossible shape [1099511627776, 1099511627776]");
  CHECK(one({uint64_t(1) << 61}, 8, 0, 64).find("impossible shape") != std::string::npos);
  CHECK(one({16}, 999, 0, 64) == "tensor 't' is of the unknown type 999");
  CHECK(one({16}, 4, 0, 64).find("q4_2, which no program reads any more") != std::string::npos);
  CHECK(one({256}, 10, 0, 84) == "tensor 't' is of type q2_k");
  CHECK(one({33, 2}, 8, 0, 640) == "tensor 't' has rows of 33, which are no whole blocks of 32 (q8_0)");
  CHECK(one({128, 2}, 12, 0, 640) == "tensor 't' has rows of 128, which are no whole blocks of 256 (q4_k)");
  CHECK(one({4}, 0, 8, 64) == "tensor 't' begins at 8, no multiple of the alignment 32");
  CHECK(one({17}, 0, 0, 64) == "tensor 't' needs 68 bytes at 0 of the data, which has 64");
  CHECK(one({4}, 0, 96, 64) == "tensor 't' needs 16 bytes at 96 of the data, which has 64");
  CHECK(one({4}, 0, ~uint64_t(31), 64).find("needs 16 bytes") != std::string::npos);
  CHECK(error_of(file_of({described("t", {4}, 0, 0), described("t", {4}, 0, 32)}, 64)) == "tensor 't' is there twice");
  const std::string whole = file_of({described("t", {4}, 0, 0)}, 64);
  for (const size_t size : {size_t(3), size_t(10), size_t(24), size_t(40), size_t(60)}) CHECK_FALSE(error_of(whole.substr(0, size)).empty());
  CHECK(error_of("GGUF" + number(3, 4) + number(uint64_t(1) << 60, 8) + number(0, 8)).find("says it has 1152921504606846976 tensors, for which it is too short") != std::string::npos);
  CHECK(error_of(std::string("GGUF\0\0\0\3", 8) + number(0, 16)) == "this GGUF file is for big-endian machines");
  for (const uint64_t alignment : {uint64_t(0), uint64_t(24)}) {
    const std::string key = text("general.alignment") + number(4, 4) + number(alignment, 4);
    CHECK(error_of(file_of({}, 0, key, 1)) == "general.alignment is no power of two up to 2^20");
  }
}

TEST_CASE("names there and back are the same") {
  const GgufNames names = gguf_names("mixtral", true);
  CHECK(names.to_gguf("model.layers.12.self_attn.q_proj.weight")->name == "blk.12.attn_q.weight");
  CHECK(names.to_gguf("model.layers.3.block_sparse_moe.experts.7.w2.weight")->name == "blk.3.ffn_down_exps.weight");
  CHECK(names.to_gguf("model.layers.3.block_sparse_moe.experts.7.w2.weight")->expert == 7);
  CHECK(names.from_gguf("blk.3.ffn_down_exps.weight")->name == "model.layers.3.block_sparse_moe.experts.@.w2.weight");
  CHECK(names.from_gguf("output_norm.weight")->name == "model.norm.weight");
  CHECK_FALSE(names.from_gguf("rope_freqs.weight"));
  CHECK_FALSE(names.from_gguf("blk..attn_q.weight"));
  CHECK_FALSE(names.to_gguf("model.layers.0.self_attn.rotary.inv_freq"));
  CHECK(gguf_names("t5", false).from_gguf("enc.blk.0.ffn_up.weight")->name == "encoder.block.0.layer.1.DenseReluDense.wi.weight");
  CHECK_THROWS_AS(gguf_names("pegasus", true), Error);
  for (int64_t row = 0; row < 24; ++row) CHECK(rotary_row(rotary_row(row, 6, true), 6, false) == row);
  CHECK(rotary_row(1, 6, true) == 3);   // there x0 y0 …, here x0 x1 x2 y0 …
}

TEST_CASE("a GGUF file that is no model says so") {
  const TemporaryFolder folder("gguf");
  const auto opened = [&](const std::string& keys, uint64_t count) {
    write_file(folder.path() / "a.gguf", file_of({}, 0, keys, count)).value();
    const Result<Checkpoint> checkpoint = Checkpoint::open(folder.path() / "a.gguf");
    return checkpoint ? "" : checkpoint.error().what;
  };
  const auto architecture = [](const std::string& name) { return text("general.architecture") + number(8, 4) + text(name); };
  CHECK(opened("", 0) == "the GGUF file does not say its general.architecture");
  CHECK(opened(architecture("falcon"), 1) == "GGUF files of architecture 'falcon' are not supported");
  CHECK(opened(architecture("gpt2"), 1) == "the GGUF file has no tensor 'token_embd.weight'");
}
