/* SPDX-License-Identifier: MIT */
/*
 * quantity.c - see quantity.h
 *
 * A time needs its unit: what is 90 to one program are seconds, and days to
 * another; 0 is the same to all. A size needs none, for bytes are what sizes
 * are in.
 */
#include "cli/quantity.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct unit {
    const char *name;
    uint64_t is;
};

enum { TEN = 10, NS_DIGITS = 9, YEAR_0 = 1900, YEAR_MIN = 1970 };
enum { PRIORITY_MIN = -8, PRIORITY_MAX = 7 };

static const uint64_t ns_per_s = 1000000000;

static const struct unit sizes[] = {
    {"", 1},
    {"K", UINT64_C(1) << 10},
    {"M", UINT64_C(1) << 20},
    {"G", UINT64_C(1) << 30},
    {"T", UINT64_C(1) << 40},
    {NULL, 0},
};
static const struct unit times[] = {
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", 60 * UINT64_C(1000000000)},
    {"h", 3600 * UINT64_C(1000000000)},
    {"d", 86400 * UINT64_C(1000000000)},
    {"w", 604800 * UINT64_C(1000000000)},
    {NULL, 0},
};

/* The unit that is named by @len letters, in either case; 0: none. */
static uint64_t unit_of(const struct unit *units, const char *name, size_t len)
{
    for (; units->name != NULL; units++) {
        if (strlen(units->name) == len &&
            strncasecmp(units->name, name, len) == 0) {
            return units->is;
        }
    }
    return 0;
}

/* Digits, maybe with a fraction; false: none. */
static bool parse_number(const char **at, double *ret)
{
    const char *digit = *at;
    double number = 0;
    double is = 1;

    for (; isdigit((unsigned char)*digit); digit++) {
        number = number * TEN + (*digit - '0');
    }
    if (digit == *at) {
        return false;
    }
    if (*digit == '.' && isdigit((unsigned char)digit[1])) {
        for (digit++; isdigit((unsigned char)*digit); digit++) {
            is /= TEN;
            number += (*digit - '0') * is;
        }
    }
    *at = digit;
    *ret = number;
    return true;
}

static bool parse_bytes(const char *text, uint64_t *ret_bytes)
{
    double number = 0;

    if (!parse_number(&text, &number)) {
        return false;
    }
    size_t len = strlen(text);
    if (len > 1 && strcasecmp(text + 1, "iB") == 0) {
        len = 1;
    } else if (len > 0 && toupper((unsigned char)text[len - 1]) == 'B') {
        len--;
    }
    number *= (double)unit_of(sizes, text, len);
    if (unit_of(sizes, text, len) == 0 || number >= (double)INT64_MAX) {
        return false;
    }
    *ret_bytes = (uint64_t)number;
    return true;
}

static bool parse_ns(const char *text, uint64_t *ret_ns)
{
    double sum = 0;

    if (strcmp(text, "0") == 0) {
        *ret_ns = 0;
        return true;
    }
    do {
        double number = 0;

        if (!parse_number(&text, &number)) {
            return false;
        }
        size_t len = strcspn(text, "0123456789.");
        uint64_t unit = unit_of(times, text, len);
        if (unit == 0) {
            return false;
        }
        sum += number * (double)unit;
        text += len;
    } while (*text != '\0');
    *ret_ns = (uint64_t)sum;
    return sum < (double)INT64_MAX;
}

/* The digits behind a second's point as nanoseconds. */
static bool parse_fraction(const char **at, uint64_t *ret_ns)
{
    uint64_t ns = 0;
    int digits = 0;

    if (**at != '.') {
        return true;
    }
    for ((*at)++; isdigit((unsigned char)**at); (*at)++) {
        if (digits++ < NS_DIGITS) {
            ns = ns * 10 + (uint64_t)(**at - '0');
        }
    }
    for (int i = digits; i < NS_DIGITS; i++) {
        ns *= 10;
    }
    *ret_ns = ns;
    return digits > 0;
}

/* Two or four digits, and what stands behind them; '\0': nothing need. */
static bool parse_part(const char **at, int digits, char behind, int *ret)
{
    int value = 0;

    for (int i = 0; i < digits; i++, (*at)++) {
        if (!isdigit((unsigned char)**at)) {
            return false;
        }
        value = value * TEN + (**at - '0');
    }
    *ret = value;
    if (behind == '\0') {
        return true;
    }
    return *(*at)++ == behind;
}

/* 2026-02-31 would be a day of March, and 25:00 one of the next. */
static bool is_of_calendar(const struct tm *tm, time_t seconds)
{
    struct tm again;

    return gmtime_r(&seconds, &again) != NULL && again.tm_mday == tm->tm_mday &&
           again.tm_mon == tm->tm_mon && again.tm_hour == tm->tm_hour &&
           again.tm_min == tm->tm_min && again.tm_sec == tm->tm_sec &&
           tm->tm_year >= YEAR_MIN - YEAR_0;
}

static bool parse_clock(const char **at, struct tm *tm, uint64_t *ret_ns)
{
    return parse_part(at, 2, ':', &tm->tm_hour) &&
           parse_part(at, 2, ':', &tm->tm_min) &&
           parse_part(at, 2, '\0', &tm->tm_sec) && parse_fraction(at, ret_ns) &&
           *(*at)++ == 'Z';
}

static bool parse_date(const char *text, uint64_t *ret_ns)
{
    struct tm tm = {0};
    uint64_t ns = 0;

    if (!parse_part(&text, 4, '-', &tm.tm_year) ||
        !parse_part(&text, 2, '-', &tm.tm_mon) ||
        !parse_part(&text, 2, '\0', &tm.tm_mday)) {
        return false;
    }
    tm.tm_year -= YEAR_0;
    tm.tm_mon--;
    if (*text == 'T') {
        text++;
        if (!parse_clock(&text, &tm, &ns)) {
            return false;
        }
    }
    struct tm copy = tm;
    time_t seconds = timegm(&copy);
    if (*text != '\0' || seconds < 0 || !is_of_calendar(&tm, seconds)) {
        return false;
    }
    *ret_ns = (uint64_t)seconds * ns_per_s + ns;
    return true;
}

uint64_t quantity_bytes(struct argp_state *state, const char *what,
                        const char *text)
{
    uint64_t bytes = 0;

    if (!parse_bytes(text, &bytes)) {
        argp_error(state, "%s %s: a size is needed, as 4096, 16K or 2.5M", what,
                   text);
    }
    return bytes;
}

uint64_t quantity_ns(struct argp_state *state, const char *what,
                     const char *text)
{
    uint64_t ns = 0;

    if (!parse_ns(text, &ns)) {
        argp_error(state,
                   "%s %s: a time with its unit is needed, as 500ms, 30s, 15m, "
                   "12h, 3d, 2w or 1h30m",
                   what, text);
    }
    return ns;
}

int8_t quantity_priority(struct argp_state *state, const char *what,
                         const char *text)
{
    char *end = NULL;
    long value = strtol(text, &end, TEN);

    if (end == text || *end != '\0' || value < PRIORITY_MIN ||
        value > PRIORITY_MAX) {
        argp_error(state, "%s %s: a number from %d to %d is needed", what, text,
                   PRIORITY_MIN, PRIORITY_MAX);
    }
    return (int8_t)value;
}

struct quantity_moment quantity_moment(struct argp_state *state,
                                       const char *what, const char *text)
{
    struct quantity_moment moment = {.is_age = !parse_date(text, &moment.ns)};

    if (moment.is_age && !parse_ns(text, &moment.ns)) {
        argp_error(state,
                   "%s %s: a time with its unit is needed, as 30s, 15m, 12h, "
                   "3d or 2w, or a date, as 2026-03-01 or "
                   "2026-03-01T12:34:56Z",
                   what, text);
    }
    return moment;
}

uint64_t quantity_moment_ns(const struct quantity_moment *moment,
                            uint64_t now_ns)
{
    if (!moment->is_age) {
        return moment->ns;
    }
    return moment->ns < now_ns ? now_ns - moment->ns : 0;
}
