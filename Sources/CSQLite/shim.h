#pragma once
#if !__has_include(<sqlite3.h>)
#error "SQLite headers are missing: run `make setup`, or install the Debian package libsqlite3-dev"
#endif
#include <sqlite3.h>

/// SQLITE_TRANSIENT is a cast, which Swift does not import: SQLite copies what it is given.
static inline sqlite3_destructor_type csqlite_transient(void) { return SQLITE_TRANSIENT; }
