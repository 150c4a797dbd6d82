package import BotCore
package import BotFoundation
internal import Glibc

/// Keeps the state in one SQLite file, which one process uses at a time.
///
/// The file is in WAL mode with `synchronous=NORMAL`: a commit costs no wait for the disk. What is committed is with the kernel, so it
/// survives the process however that ends; only a power failure can take the last commits away, never damage the file.
///
/// A file that is damaged is moved aside and a new one begun. The file holds text of messages, so nobody else may read it (mode
/// 0600).
package final class SQLiteStateStore: StateStore {
    /// "WCBS", in the file's header: whose file it is.
    static let applicationID: Int64 = 0x5743_4253
    /// The version of the tables.
    static let schemaVersion: Int64 = 2

    /// What waits for the disk.
    enum Synchronous: String {
        /// Taking the log over into the file.
        case normal = "NORMAL"
        /// Nothing: for tests, which need no power.
        case off = "OFF"
    }

    private let path: String
    private let log: Log
    private let busyTimeout: Duration
    private let synchronous: Synchronous
    /// The lock is held only to look and to set: the methods are called one at a time.
    private let connection = Locked<SQLiteConnection?>(nil)

    /// A store in the file at `path`. Nothing is opened yet.
    ///
    /// - Parameter busyTimeout: How long another process is given to let go of the file, as one that is ending does.
    package convenience init(path: String, busyTimeout: Duration = .seconds(2), log: Log = .disabled) {
        self.init(path: path, busyTimeout: busyTimeout, synchronous: .normal, log: log)
    }

    init(path: String, busyTimeout: Duration, synchronous: Synchronous, log: Log) {
        self.synchronous = synchronous
        self.path = path
        self.busyTimeout = busyTimeout
        self.log = log
    }

    /// Opens the file, making it if it is not there, and gives what is in it.
    ///
    /// - Throws: ``StoreError`` if it is in use, cannot be opened, or was written by another program or a later version.
    package func recover() throws -> SavedState {
        do throws(StoreError) {
            return try open()
        } catch {
            guard error.code == .corrupt else { throw error }
            close()
            let aside = try moveAside()
            log(
                .error,
                "\(error.message); it is kept as \(aside), and a new one is begun: what was under way is forgotten"
            )
            return try open()
        }
    }

    package func record(_ changes: [StateChange]) throws {
        guard let connection = connection.withLock({ $0 }) else { throw StoreError(.failed, "\(path) is not open") }
        do throws(StoreError) {
            try connection.run("BEGIN IMMEDIATE")
            for change in changes { try connection.write(change) }
            try connection.run("COMMIT")
        } catch {
            // A full disk rolls back by itself.
            if connection.isInTransaction { try connection.run("ROLLBACK") }
            throw error
        }
    }

    package func close() {
        connection.withLock { $0 = nil }
    }

    /// The open database, for tests.
    var database: SQLiteConnection? { connection.withLock { $0 } }
}

// MARK: - Opening

extension SQLiteStateStore {
    private func open() throws(StoreError) -> SavedState {
        try makeFile()
        let connection = try SQLiteConnection(path: path)
        connection.setBusyTimeout(milliseconds: Int32(clamping: Int(busyTimeout / .milliseconds(1))))
        // Locked for as long as it is open; the lock goes with the process.
        try connection.run("PRAGMA locking_mode=EXCLUSIVE")
        try connection.run("PRAGMA trusted_schema=OFF")
        let version = try connection.integer("PRAGMA user_version")
        let tables = try connection.integer("SELECT count(*) FROM sqlite_schema")
        if tables > 0 || version > 0 {
            guard try connection.integer("PRAGMA application_id") == Self.applicationID else {
                throw StoreError(.foreign, "\(path) is the database of another program: choose another state file")
            }
            guard version <= Self.schemaVersion else {
                throw StoreError(
                    .newer,
                    "\(path) was written by a later version (\(version)): run that version, or choose another state file"
                )
            }
        }
        // A file that a power failure cut short while it was made has nothing to lose: that need not wait for the disk.
        if tables == 0 { try connection.run("PRAGMA synchronous=OFF") }
        try connection.run("PRAGMA journal_mode=WAL")
        try connection.run("PRAGMA journal_size_limit=4194304")
        try connection.run("BEGIN EXCLUSIVE")
        if tables == 0 {
            for statement in SQLiteConnection.schema { try connection.run(statement) }
            try connection.run("PRAGMA application_id=\(Self.applicationID)")
        }
        // A file of an earlier version gets what it has not, and keeps what it has.
        if version < 2 { for statement in SQLiteConnection.pushSchema { try connection.run(statement) } }
        if version < Self.schemaVersion { try connection.run("PRAGMA user_version=\(Self.schemaVersion)") }
        try connection.run("COMMIT")
        try connection.run("PRAGMA synchronous=\(synchronous.rawValue)")
        guard try connection.run("PRAGMA quick_check(1)") == [[.text("ok")]] else {
            throw StoreError(.corrupt, "\(path) is damaged")
        }
        let (state, skipped) = try connection.load()
        if skipped > 0 {
            log(.error, "rows of \(path) make no sense and are skipped", [.count: String(skipped)])
        }
        self.connection.withLock { $0 = connection }
        return state
    }

    /// SQLite would make it with the mode that the umask leaves; its WAL gets the mode of the file.
    private func makeFile() throws(StoreError) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            Glibc.close(descriptor)
        } else if errno != EEXIST {
            throw StoreError(.cannotOpen, "\(path) cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    private func moveAside() throws(StoreError) -> String {
        let aside = "\(path).corrupt-\(UnixTime.milliseconds())"
        guard rename(path, aside) == 0 else {
            throw StoreError(
                .cannotOpen,
                "\(path) is damaged and cannot be moved aside (\(String(cString: strerror(errno)))): move or remove it"
            )
        }
        // A log that is left behind would be taken for the new file's.
        for suffix in ["-wal", "-journal"] where rename(path + suffix, aside + suffix) != 0 && errno != ENOENT {
            throw StoreError(.cannotOpen, "\(path)\(suffix) belongs to a damaged file: remove it")
        }
        return aside
    }
}
