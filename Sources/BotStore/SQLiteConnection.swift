internal import CSQLite

/// An open database. It keeps each statement that it has prepared.
///
/// Invariant behind `@unchecked Sendable`: the handles are SQLite's, which is opened in its serialized mode; and the store calls it
/// from one thread at a time, so that nothing comes between the steps of a statement.
final class SQLiteConnection: @unchecked Sendable {
    /// A value of a column or a parameter.
    enum Value: Hashable {
        case null
        case integer(Int64)
        case text(String)
        case blob([UInt8])
    }

    let path: String
    private let handle: OpaquePointer
    private var statements: [String: OpaquePointer] = [:]

    /// Opens the file, which must be there.
    init(path: String) throws(StoreError) {
        self.path = path
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX
        let code = sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle else {
            let error = Self.error(code, handle.map { String(cString: sqlite3_errmsg($0)) } ?? "", path)
            sqlite3_close_v2(handle)
            throw error
        }
        self.handle = handle
        sqlite3_extended_result_codes(handle, 1)
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    /// Whether a transaction is open.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// How long a statement waits for another process.
    func setBusyTimeout(milliseconds: Int32) {
        sqlite3_busy_timeout(handle, milliseconds)
    }

    /// Runs one statement and gives its rows.
    @discardableResult
    func run(_ sql: String, _ parameters: [Value] = []) throws(StoreError) -> [[Value]] {
        let statement = try prepare(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, parameter) in parameters.enumerated() {
            try check(bind(parameter, at: Int32(index + 1), of: statement))
        }
        var rows: [[Value]] = []
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return rows }
            guard code == SQLITE_ROW else { throw error(code) }
            rows.append((0..<sqlite3_column_count(statement)).map { column(statement, $0) })
        }
    }

    private func prepare(_ sql: String) throws(StoreError) -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil))
        guard let statement else { throw StoreError(.failed, "the statement for \(path) is empty: \(sql)") }
        statements[sql] = statement
        return statement
    }

    private func bind(_ value: Value, at index: Int32, of statement: OpaquePointer) -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let number): return sqlite3_bind_int64(statement, index, number)
        case .text(var text):
            return text.withUTF8 { bytes in
                // An empty buffer may have no address, which would mean NULL.
                guard let address = bytes.baseAddress else { return sqlite3_bind_text(statement, index, "", 0, nil) }
                return address.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                    sqlite3_bind_text64(
                        statement,
                        index,
                        $0,
                        UInt64(bytes.count),
                        csqlite_transient(),
                        UInt8(SQLITE_UTF8)
                    )
                }
            }
        case .blob(let bytes):
            guard !bytes.isEmpty else { return sqlite3_bind_zeroblob(statement, index, 0) }
            return bytes.withUnsafeBytes {
                sqlite3_bind_blob64(statement, index, $0.baseAddress, UInt64($0.count), csqlite_transient())
            }
        }
    }

    private func column(_ statement: OpaquePointer, _ index: Int32) -> Value {
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
        case SQLITE_TEXT:
            guard let address = sqlite3_column_text(statement, index) else { return .text("") }
            let bytes = UnsafeBufferPointer(start: address, count: Int(sqlite3_column_bytes(statement, index)))
            return .text(String(decoding: bytes, as: UTF8.self))
        case SQLITE_BLOB:
            guard let address = sqlite3_column_blob(statement, index) else { return .blob([]) }
            let count = Int(sqlite3_column_bytes(statement, index))
            return .blob(Array(UnsafeRawBufferPointer(start: address, count: count)))
        default: return .null
        }
    }

    private func check(_ code: Int32) throws(StoreError) {
        if code != SQLITE_OK { throw error(code) }
    }

    private func error(_ code: Int32) -> StoreError {
        Self.error(code, String(cString: sqlite3_errmsg(handle)), path)
    }

    private static func error(_ code: Int32, _ message: String, _ path: String) -> StoreError {
        switch code & 0xFF {
        case SQLITE_FULL: StoreError(.full, "the disk of \(path) is full: make room")
        case SQLITE_BUSY, SQLITE_LOCKED:
            StoreError(.inUse, "\(path) is in use by another process: give each bot process a state file of its own")
        // SQLITE_ERROR: a table or column that should be there is not.
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR:
            StoreError(.corrupt, "\(path) is damaged, or not a state file: \(message)")
        case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH:
            StoreError(.cannotOpen, "\(path) cannot be opened for writing (\(message)): check its owner and mode")
        default: StoreError(.failed, "\(path): \(message) (SQLite code \(code))")
        }
    }
}
