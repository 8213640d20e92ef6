internal import CCeph
internal import Model
internal import Runtime

/// A move to the trash that was cut off between its steps: librbd notes the image in the trash, removes the object that leads from its name to its
/// id, removes it from the directory, and marks the note as whole (its `MoveRequest`). Until that mark stands `rbd_trash_remove` refuses with EBUSY,
/// for ever, and nobody can give the name to another image.
extension Pool {
  /// Whether the trash has an image whose move there was begun and did not end (Implements the method `trash_get` of Ceph's object class rbd).
  public func isMoving(id: String) async throws -> Bool {
    let label = "\(name)/\(id)"
    return try await blocking { io in
      let question = encoded(id)
      var answer = [UInt8](repeating: 0, count: 4096)
      let got = answer.withUnsafeMutableBytes { answer in
        question.withUnsafeBytes { question in
          rados_exec(
            io, trash, "rbd", "trash_get", question.baseAddress?.assumingMemoryBound(to: CChar.self), question.count,
            answer.baseAddress?.assumingMemoryBound(to: CChar.self), answer.count)
        }
      }
      if got == -2 { return false }
      try CephCheck.check(got, "rados_exec", object: label, doing: "look for image id \(id) in the trash of '\(self.name)'")
      return state(inSpec: answer[..<Int(got)]) == movingState
    }
  }

  /// Takes the steps of a move that was cut off, by name and id together: an image that got the name since is not touched. Each may be taken twice.
  public func finishMove(_ image: String, id: String) async throws {
    let label = "\(name)/\(image)"
    let doing = "finish moving \(label) to the trash"
    try await blocking { io in
      let (id, image) = (encoded(id), encoded(image))
      // Where it leads to this very id only.
      let lead = rados_create_write_op()
      defer { rados_release_write_op(lead) }
      id.withUnsafeBytes { id in
        rados_write_op_cmpext(lead, id.baseAddress?.assumingMemoryBound(to: CChar.self), id.count, 0, nil)
      }
      rados_write_op_remove(lead)
      var code = rados_write_op_operate2(lead, io, "rbd_id." + label.dropFirst(self.name.utf8.count + 1), nil, 0)
      // Missing, or another image's (-4095 less the place of the first byte that differs).
      if code != -2, code > -4095 { try CephCheck.check(code, "rados_write_op_operate2", object: label, doing: doing) }
      code = call("dir_remove_image", of: directory, with: image + id, io)
      // ENOENT: it is out already; ESTALE: the name is another image's.
      if code != -2, code != -116 { try CephCheck.check(code, "rados_write_op_exec", object: label, doing: doing) }
      code = call("trash_state_set", of: trash, with: id + [normalState, movingState], io)
      // ENOENT, ESTALE: somebody else was faster, and removed it or is about to.
      if code != -2, code != -116 { try CephCheck.check(code, "rados_write_op_exec", object: label, doing: doing) }
    }
  }
}

/// The objects of a pool that list its images and its trash.
private let (directory, trash) = ("rbd_directory", "rbd_trash")
/// States of an image in the trash (`cls::rbd::TrashImageState`).
private let (normalState, movingState): (UInt8, UInt8) = (0, 1)

/// A call of a method of the object class that changes an object.
private func call(_ method: String, of object: String, with input: [UInt8], _ io: rados_ioctx_t) -> Int32 {
  let operation = rados_create_write_op()
  defer { rados_release_write_op(operation) }
  return input.withUnsafeBytes { input in
    rados_write_op_exec(operation, "rbd", method, input.baseAddress?.assumingMemoryBound(to: CChar.self), input.count, nil)
    return rados_write_op_operate2(operation, io, object, nil, 0)
  }
}

/// Ceph's encoding of a string: its length in four bytes, the lowest first, and its bytes.
private func encoded(_ text: String) -> [UInt8] {
  withUnsafeBytes(of: UInt32(truncatingIfNeeded: text.utf8.count).littleEndian, Array.init) + Array(text.utf8)
}

/// The state in an encoded `cls::rbd::TrashImageSpec`, nil before its version 2: six bytes of version and length, one of the source, the name, two
/// times of eight bytes, the state.
private func state(inSpec bytes: ArraySlice<UInt8>) -> UInt8? {
  guard bytes.count >= 11 else { return nil }
  let begin = bytes.startIndex
  let length = (0..<4).reduce(0) { $0 | Int(bytes[begin + 7 + $1]) << (8 * $1) }
  let place = 11 + length + 16
  return place < bytes.count ? bytes[begin + place] : nil
}
