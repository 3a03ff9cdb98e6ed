/*
 * value.h - values that are a port, a mapping or an address, and nothing else.
 *
 * Each takes blanks and quotes off, looks into `${NAME:-default}`, adds what it finds and returns whether
 * the value was one of that kind. A port is 1 to 65535 without leading zeros.
 */
#ifndef SCAN_VALUE_H
#define SCAN_VALUE_H

#include "scan/find.h"

/* The digits of a port at the beginning of the text, when no further digit or letter follows. */
bool port_here(struct slice text, struct slice *digits);

/* 3000, 3000/tcp, 8000-8010, ${PORT:-3000}. */
bool value_port(struct find *f, struct slice value, struct as as);
/* The same words, with blanks or commas between. */
void value_ports(struct find *f, struct slice value, struct as as);
/* [[IP:]PUBLISHED:]TARGET[/PROTOCOL], ranges too. */
bool value_mapping(struct find *f, struct slice value, struct as as);
/* What a server is told to listen on, or a proxy to connect to: 80, :80, *:80, [::]:80, 10.0.0.1:80, name:80, 10.0.0.1, a URL. */
bool value_address(struct find *f, struct slice value, struct as as);
/* A number in a program: 3000, '3000', Number(process.env.PORT) || 3000, env.PORT ?? "3000". */
bool value_expression(struct find *f, struct slice value, struct as as);
/* The variable before `||` or `??` in such an expression; empty: none. */
struct slice expression_variable(struct slice value);

#endif
