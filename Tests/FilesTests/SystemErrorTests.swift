import Foundation
import Model
import Testing

@testable import Files

@Suite struct SystemErrorTests {
  static let table: [(Int32, ErrorCode)] = [
    (ENOSPC, .noSpace), (EDQUOT, .noSpace), (ENOENT, .sourceNotFound), (EACCES, .permissionDenied), (EPERM, .permissionDenied),
    (ELOOP, .locationNotAllowed), (EROFS, .ioError), (EIO, .ioError), (EMFILE, .ioError), (EEXIST, .ioError),
  ]

  @Test(arguments: table) func everyErrorNumberHasItsCodeAndNamesThePath(number: Int32, code: ErrorCode) {
    let error = Attempt(verb: "open", path: "/a/b", missing: .sourceNotFound).failure(number)
    #expect(error.code == code)
    #expect(error.object == "/a/b")
    #expect(error.message.contains("/a/b"))
    #expect(error.errno == number)
  }

  @Test func anInterruptedCallIsMadeAgain() throws {
    var calls = 0
    let value = try checked(Attempt(verb: "try", path: "x")) { () -> Int32 in
      calls += 1
      if calls < 3 {
        errno = EINTR
        return -1
      }
      return 7
    }
    #expect(value == 7 && calls == 3)
  }
}
