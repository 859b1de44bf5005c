#include "base/base64.h"

#include <array>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace tillite {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kInvalid = 0x80;

/// The value of each ASCII character, or kInvalid.
constexpr std::array<std::uint8_t, 128> value_table() {
  std::array<std::uint8_t, 128> values{};
  values.fill(kInvalid);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<std::size_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
alignas(64) constexpr std::array<std::uint8_t, 128> kValues = value_table();

std::uint32_t value_of(char c) {
  const auto place = static_cast<std::uint8_t>(c);
  return place < kValues.size() ? kValues[place] : kInvalid;
}

std::size_t read_groups_plain(const char* text, std::size_t size, std::byte* bytes) {
  std::size_t at = 0;
  for (; at + 4 <= size; at += 4) {
    const std::uint32_t a = value_of(text[at]);
    const std::uint32_t b = value_of(text[at + 1]);
    const std::uint32_t c = value_of(text[at + 2]);
    const std::uint32_t d = value_of(text[at + 3]);
    if (((a | b | c | d) & kInvalid) != 0) break;
    *bytes++ = static_cast<std::byte>(a << 2 | b >> 4);
    *bytes++ = static_cast<std::byte>((b << 4 | c >> 2) & 0xff);
    *bytes++ = static_cast<std::byte>((c << 6 | d) & 0xff);
  }
  return at;
}

#if defined(__x86_64__)

#define TILLITE_VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi")))
#define TILLITE_AVX2 __attribute__((target("avx2")))

/// Of each four bytes, whose lower three hold 24 bits from right to left, those three from left to right.
constexpr std::array<std::uint8_t, 64> places_of_threes() {
  std::array<std::uint8_t, 64> places{};
  for (std::size_t i = 0; i < 48; ++i) places[i] = static_cast<std::uint8_t>(i / 3 * 4 + 2 - i % 3);
  return places;
}
alignas(64) constexpr std::array<std::uint8_t, 64> kPlacesOfThrees = places_of_threes();

TILLITE_VBMI std::size_t read_groups_vbmi(const char* text, std::size_t size, std::byte* bytes) {
  const __m512i low_values = _mm512_load_si512(kValues.data());
  const __m512i high_values = _mm512_load_si512(kValues.data() + 64);
  const __m512i pack = _mm512_load_si512(kPlacesOfThrees.data());
  constexpr __mmask64 kFirst48 = (std::uint64_t{1} << 48) - 1;
  std::size_t at = 0;
  for (; at + 64 <= size; at += 64, bytes += 48) {
    const __m512i characters = _mm512_loadu_si512(text + at);
    const __m512i values = _mm512_permutex2var_epi8(low_values, characters, high_values);
    // The highest bit is that of a character without a value, or of one that is not ASCII.
    if (_mm512_movepi8_mask(_mm512_or_si512(values, characters)) != 0) break;
    const __m512i pairs = _mm512_maddubs_epi16(values, _mm512_set1_epi32(0x01400140));
    const __m512i fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00011000));
    _mm512_mask_storeu_epi8(bytes, kFirst48, _mm512_permutexvar_epi8(pack, fours));
  }
  return at;
}

/// Characters are told apart by their two halves: each half allows some classes, and a character is invalid if its
/// halves have one in common (W. Mula, D. Lemire: Faster Base64 Encoding and Decoding using AVX2 Instructions).
TILLITE_AVX2 std::size_t read_groups_avx2(const char* text, std::size_t size, std::byte* bytes) {
  const __m256i refused_by_low = _mm256_setr_epi8(                                                     //
      0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a,  //
      0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
  const __m256i refused_by_high = _mm256_setr_epi8(                                                    //
      0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,  //
      0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
  const __m256i value_less_character = _mm256_setr_epi8(         //
      0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0,  //
      0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m256i slash = _mm256_set1_epi8('/');  // shares its upper half with '+', but not its distance
  const __m256i pack = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1,  //
                                        2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
  const __m256i join = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, -1, -1);
  std::size_t at = 0;
  // 32 bytes are stored of which 24 count: there must be place for the others, which later groups overwrite.
  for (; at + 44 <= size; at += 32, bytes += 24) {
    const __m256i characters = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + at));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi32(characters, 4), slash);
    const __m256i low = _mm256_and_si256(characters, slash);
    if (_mm256_testz_si256(_mm256_shuffle_epi8(refused_by_low, low), _mm256_shuffle_epi8(refused_by_high, high)) == 0) {
      break;
    }
    const __m256i distance =
        _mm256_shuffle_epi8(value_less_character, _mm256_add_epi8(_mm256_cmpeq_epi8(characters, slash), high));
    const __m256i values = _mm256_add_epi8(characters, distance);
    const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
    const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
    const __m256i packed = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(fours, pack), join);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), packed);
  }
  return at;
}

#elif defined(__aarch64__)

std::size_t read_groups_neon(const char* text, std::size_t size, std::byte* bytes) {
  const uint8x16x4_t low_values = vld1q_u8_x4(kValues.data());
  const uint8x16x4_t high_values = vld1q_u8_x4(kValues.data() + 64);
  std::size_t at = 0;
  for (; at + 64 <= size; at += 64, bytes += 48) {
    const uint8x16x4_t characters = vld4q_u8(reinterpret_cast<const std::uint8_t*>(text + at));
    uint8x16_t values[4];
    uint8x16_t all = vdupq_n_u8(0);
    for (int i = 0; i < 4; ++i) {
      // A place beyond a table gives zero, so that only the table of the character counts.
      const uint8x16_t beyond = veorq_u8(characters.val[i], vdupq_n_u8(64));
      values[i] = vorrq_u8(vqtbl4q_u8(low_values, characters.val[i]), vqtbl4q_u8(high_values, beyond));
      all = vorrq_u8(all, vorrq_u8(values[i], characters.val[i]));
    }
    if (vmaxvq_u8(all) >= kInvalid) break;
    uint8x16x3_t packed;
    packed.val[0] = vorrq_u8(vshlq_n_u8(values[0], 2), vshrq_n_u8(values[1], 4));
    packed.val[1] = vorrq_u8(vshlq_n_u8(values[1], 4), vshrq_n_u8(values[2], 2));
    packed.val[2] = vorrq_u8(vshlq_n_u8(values[2], 6), values[3]);
    vst3q_u8(reinterpret_cast<std::uint8_t*>(bytes), packed);
  }
  return at;
}

#endif

const Base64Kernel kBest = base64_kernels().front();

/// The text without its padding; nothing if what is left has an impossible length or the padding is not whole.
std::optional<std::string_view> without_padding(std::string_view text) {
  std::size_t padding = 0;
  if (text.ends_with('=')) padding = text.ends_with("==") ? 2 : 1;
  if (padding > 0 && text.size() % 4 != 0) return std::nullopt;
  text.remove_suffix(padding);
  if (text.size() % 4 == 1) return std::nullopt;
  return text;
}

}  // namespace

std::vector<Base64Kernel> base64_kernels() {
  std::vector<Base64Kernel> kernels;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw")) {
    kernels.push_back({"AVX-512 VBMI", read_groups_vbmi});
  }
  if (__builtin_cpu_supports("avx2")) kernels.push_back({"AVX2", read_groups_avx2});
#elif defined(__aarch64__)
  kernels.push_back({"NEON", read_groups_neon});
#endif
  kernels.push_back({"plain", read_groups_plain});
  return kernels;
}

std::string base64_of(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<std::uint32_t>(bytes[i + j]) : 0);
    }
    for (std::size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? kAlphabet[bits >> (18 - 6 * j) & 0x3f] : '=';
  }
  return text;
}

std::optional<std::size_t> base64_size(std::string_view text) {
  const auto characters = without_padding(text);
  if (!characters) return std::nullopt;
  return characters->size() / 4 * 3 + characters->size() % 4 * 3 / 4;
}

bool read_base64(std::string_view text, std::span<std::byte> bytes) {
  const auto characters = without_padding(text);
  if (!characters || bytes.size() != base64_size(text)) return false;
  std::size_t at = kBest.read_groups(characters->data(), characters->size(), bytes.data());
  at += read_groups_plain(characters->data() + at, characters->size() - at, bytes.data() + at / 4 * 3);
  const std::string_view rest = characters->substr(at);
  if (rest.size() >= 4) return false;
  std::uint32_t bits = 0;
  for (const char c : rest) {
    const std::uint32_t value = value_of(c);
    if ((value & kInvalid) != 0) return false;
    bits = bits << 6 | value;
  }
  std::size_t left = rest.size() * 6;
  for (std::size_t i = at / 4 * 3; i < bytes.size(); ++i) {
    left -= 8;
    bytes[i] = static_cast<std::byte>(bits >> left & 0xff);
  }
  return (bits & ((1U << left) - 1)) == 0;
}

}  // namespace tillite
