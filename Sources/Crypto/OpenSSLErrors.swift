internal import COpenSSL

/// The calling thread's queue of OpenSSL errors.
enum OpenSSLErrors {
  /// The first error of the queue as ` (text)`, or nothing; the queue is empty afterwards, so that no later call finds it.
  static func take() -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let reason = ERR_reason_error_string(code) else { return "" }
    return " (\(String(cString: reason)))"
  }
}
