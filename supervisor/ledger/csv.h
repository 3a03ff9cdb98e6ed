/*
 * csv.h - the registry as one table of comma-separated values, RFC 4180. Pure.
 *
 * Lines end with CRLF; a field with a comma, a quote, an end of line or a blank at its edge is
 * quoted. Read are also LF, a BOM, and semicolons where the heading has no comma, as spreadsheets
 * write them.
 */
#ifndef LEDGER_CSV_H
#define LEDGER_CSV_H

#include "ledger/ledger.h"

void csv_read(const struct ledger_reading *reading, const char *bytes, size_t length);
void csv_write(const struct ledger *ledger, struct text *out);

#endif
