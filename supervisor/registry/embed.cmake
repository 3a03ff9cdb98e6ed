# cmake -DFROM=schema.sql -DTO=schema_1.inc -P embed.cmake: the file's bytes as a C initialiser.
file(READ ${FROM} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${TO} "${bytes}0\n")
