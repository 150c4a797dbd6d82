import COpenSSL

// OpenSSL is called here and in the other `OpenSSL…` files only. Every object is owned by a class whose `deinit` frees it.

/// Reads the oldest reason from OpenSSL's queue of this thread, and empties the queue.
func failure(_ operation: String) -> CryptoError {
    let number = ERR_get_error()
    ERR_clear_error()
    guard number != 0, let text = ERR_reason_error_string(number) else {
        return CryptoError(.openSSL, "\(operation) failed (OpenSSL gave no reason)")
    }
    return CryptoError(.openSSL, "\(operation) failed: \(String(cString: text))")
}

/// Throws unless an OpenSSL function reported success, which for all those used here is a positive number.
func check(_ result: Int32, _ operation: String) throws(CryptoError) {
    guard result > 0 else { throw failure(operation) }
}

func make(_ pointer: OpaquePointer?, _ operation: String) throws(CryptoError) -> OpaquePointer {
    guard let pointer else { throw failure(operation) }
    return pointer
}
