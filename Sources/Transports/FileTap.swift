/// Is told what a sink writes into its file, and where: all of it, metadata included, each byte once, on the threads that write, several at once. Offsets
/// are multiples of 64 KiB; bytes end at one or are followed by zeros.
public typealias FileTap = @Sendable (_ bytes: UnsafeRawBufferPointer, _ offset: Int64) throws -> Void
