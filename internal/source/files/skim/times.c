#include "skim.h"

#include "bytes.h"

static const uint8_t days_of[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static uint32_t two(const uint8_t *p) { return (uint32_t)(p[0] & 15) * 10 + (p[1] & 15); }

int real_day(const uint8_t *p) {
	if ((mask(digits(load(p))) & 0x3ff) != 0x36f || p[4] != '-' || p[7] != '-')
		return 0;
	uint32_t year = two(p) * 100 + two(p + 2), month = two(p + 5), day = two(p + 8);
	if (year == 0 || month - 1 > 11)
		return 0;
	int leap = month == 2 && (year % 4 == 0 && year % 100 != 0 || year % 400 == 0);
	return day - 1 < (uint32_t)days_of[month] + (uint32_t)leap;
}

int moment(const uint8_t *p, uint32_t size) {
	if (size < 10 || !real_day(p))
		return 0;
	if (size == 10)
		return 1;
	/* 2026-01-02 03:04:05: the bytes 11 to 26 are in one load. */
	uint32_t digit = mask(digits(load(p + 11)));
	if (size < 19 || p[10] != ' ' && p[10] != 'T' || (digit & 0xff) != 0xdb || p[13] != ':' || p[16] != ':' ||
	    two(p + 11) > 23 || two(p + 14) > 59 || two(p + 17) > 59)
		return 0;
	uint32_t i = 19;
	if (i < size && p[i] == '.') {
		uint32_t fraction = first(~(digit >> 9));
		if (fraction - 1 > 5)
			return 0;
		i += 1 + fraction;
	}
	return i == size || i + 1 == size && p[i] == 'Z';
}
