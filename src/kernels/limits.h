// What this processor can do at most: loops that do nothing else, to set beside what a kernel reached.
//
//   peak_fma    multiply-adds of T on registers alone
//   peak_bf16   products of pairs of bf16 summed in float (AVX-512 BF16); 0 where the class has no such instruction
//   peak_int8   products of four int8 summed in int32 (VNNI; with AVX2 a multiply-add of bytes and one of words); 0 as above
//   read_bytes  reads `count` bytes, 64 at a time, and adds them up so that none is left out
//
// Each peak runs `rounds` times around enough independent chains to hide an instruction's latency, and returns the
// operations done, a multiply-add counted as two.
#pragma once

#include <cstdint>

namespace orrery {

template <class T>
using peak_fma_fn = double(int64_t rounds);
template <class T>
using peak_bf16_fn = double(int64_t rounds);
template <class T>
using peak_int8_fn = double(int64_t rounds);
// data is aligned to 64 bytes, count a multiple of 64. Returns the sum of all 32-bit words, modulo 2^32.
template <class T>
using read_bytes_fn = uint32_t(const void* data, int64_t count);

}  // namespace orrery
