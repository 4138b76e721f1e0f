/* Sixteen bytes at a time: what of them equals a byte, what is a digit, as the bits of a word; bit 0 is the first byte. */
#ifndef WEIR_BYTES_H
#define WEIR_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the first byte must be the lowest"
#endif

#if defined(__SSE2__) && !defined(WEIR_PORTABLE)

#include <emmintrin.h>

typedef __m128i bytes;

#define INLINE static inline __attribute__((always_inline))

INLINE bytes load(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)p); }
INLINE bytes either(bytes a, bytes b) { return _mm_or_si128(a, b); }
INLINE bytes equal(bytes a, uint8_t c) { return _mm_cmpeq_epi8(a, _mm_set1_epi8((char)c)); }
INLINE bytes same(bytes a, bytes b) { return _mm_cmpeq_epi8(a, b); }
INLINE bytes digits(bytes a) {
	bytes x = _mm_sub_epi8(a, _mm_set1_epi8('0'));
	return _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(9)), x);
}
/* mask takes what equal, same or digits gave; high the bytes themselves, of which it says which are not ASCII. */
INLINE uint32_t mask(bytes a) { return (uint32_t)_mm_movemask_epi8(a); }
INLINE uint32_t high(bytes a) { return (uint32_t)_mm_movemask_epi8(a); }
INLINE uint64_t mask64(bytes a, bytes b, bytes c, bytes d) {
	return (uint64_t)(mask(a) | mask(b) << 16) | (uint64_t)(mask(c) | mask(d) << 16) << 32;
}

#elif defined(__aarch64__) && !defined(WEIR_PORTABLE)

#include <arm_neon.h>

typedef uint8x16_t bytes;

#define INLINE static inline __attribute__((always_inline))

INLINE bytes load(const uint8_t *p) { return vld1q_u8(p); }
INLINE bytes either(bytes a, bytes b) { return vorrq_u8(a, b); }
INLINE bytes equal(bytes a, uint8_t c) { return vceqq_u8(a, vdupq_n_u8(c)); }
INLINE bytes same(bytes a, bytes b) { return vceqq_u8(a, b); }
INLINE bytes digits(bytes a) { return vcleq_u8(vsubq_u8(a, vdupq_n_u8('0')), vdupq_n_u8(9)); }
/* Each byte keeps a bit of its own, and sums of neighbours bring the bits together. */
INLINE bytes own_bits(bytes a) {
	static const uint8_t one[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	return vandq_u8(a, vld1q_u8(one));
}
INLINE uint64_t mask64(bytes a, bytes b, bytes c, bytes d) {
	bytes ab = vpaddq_u8(own_bits(a), own_bits(b)), cd = vpaddq_u8(own_bits(c), own_bits(d));
	bytes all = vpaddq_u8(ab, cd);
	return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}
INLINE uint32_t mask(bytes a) {
	bytes x = vpaddq_u8(own_bits(a), own_bits(a));
	x = vpaddq_u8(x, x);
	return vgetq_lane_u16(vreinterpretq_u16_u8(vpaddq_u8(x, x)), 0);
}
INLINE uint32_t high(bytes a) { return mask(vcgeq_u8(a, vdupq_n_u8(0x80))); }

#else

typedef struct { uint64_t half[2]; } bytes; /* the first byte is the lowest; a byte that is chosen has its highest bit set */

#define INLINE static inline

#define EACH(byte) ((uint64_t)(byte) * 0x0101010101010101u)

INLINE uint64_t load8(const uint8_t *p) {
	uint64_t x = 0;
	for (int i = 7; i >= 0; i--)
		x = x << 8 | p[i];
	return x;
}
INLINE bytes load(const uint8_t *p) { return (bytes){{load8(p), load8(p + 8)}}; }
INLINE bytes either(bytes a, bytes b) { return (bytes){{a.half[0] | b.half[0], a.half[1] | b.half[1]}}; }
INLINE uint64_t zero8(uint64_t x) { return ~(((x & EACH(0x7f)) + EACH(0x7f)) | x) & EACH(0x80); }
INLINE uint64_t digits8(uint64_t x) {
	x ^= EACH('0'); /* a digit becomes 0 to 9 */
	return ~(((x & EACH(0x7f)) + EACH(0x76)) | x) & EACH(0x80);
}
INLINE bytes same(bytes a, bytes b) { return (bytes){{zero8(a.half[0] ^ b.half[0]), zero8(a.half[1] ^ b.half[1])}}; }
INLINE bytes equal(bytes a, uint8_t c) { return same(a, (bytes){{EACH(c), EACH(c)}}); }
INLINE bytes digits(bytes a) { return (bytes){{digits8(a.half[0]), digits8(a.half[1])}}; }
/* The product brings the highest bits of eight bytes into its own highest byte. */
INLINE uint32_t high8(uint64_t x) { return (uint32_t)(((x & EACH(0x80)) >> 7) * 0x0102040810204080u >> 56); }
INLINE uint32_t high(bytes a) { return high8(a.half[0]) | high8(a.half[1]) << 8; }
INLINE uint32_t mask(bytes a) { return high(a); }
INLINE uint64_t mask64(bytes a, bytes b, bytes c, bytes d) {
	return (uint64_t)(mask(a) | mask(b) << 16) | (uint64_t)(mask(c) | mask(d) << 16) << 32;
}

#endif

/* first is the lowest bit that is set; there must be one. */
INLINE uint32_t first(uint64_t x) { return (uint32_t)__builtin_ctzll(x); }

#endif
