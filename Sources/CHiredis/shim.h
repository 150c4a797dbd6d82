#pragma once
#if !__has_include(<hiredis/hiredis.h>)
#error "hiredis headers are missing: run `make setup`, or install the Debian package libhiredis-dev"
#endif
#include <hiredis/hiredis.h>
