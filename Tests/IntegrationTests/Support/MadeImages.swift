import Foundation
import Runtime
import Testing

/// Images of every format that this machine's tools make, made once for all tests.
final class MadeImages: Sendable {
  // A failure is kept, too: it is that of all tests.
  private static let made = Lazy<Result<MadeImages, any Error>>()
  private static let workers = WorkerPool(name: "images", threads: 1)

  static func shared() async throws -> MadeImages {
    try await made.get {
      do { return .success(try await MadeImages()) } catch { return .failure(error) }
    }.get()
  }

  let scratch: Scratch
  /// Name → file.
  let files: [String: String]

  private init() async throws {
    scratch = try Scratch()
    let raw = try scratch.sparse("plain", size: 1 << 20, runs: [(0, 70_000), (600_000, 9000)], seed: 11)
    #expect(raw == scratch.file("plain"))
    let directory = scratch.path
    _ = try await Self.workers.run {
      try Command.run("sh", ["-e", "-c", "cd '\(directory)'\n" + Self.script]).requireSuccess()
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter { !$0.hasSuffix(".part") }
    files = Dictionary(uniqueKeysWithValues: names.map { ($0, directory + "/" + $0) })
  }

  /// What is only there for another image ends in `.part`.
  private static let script = """
    make() { qemu-img convert -q -f raw -O "$1" -o "$2" plain "$3"; }
    make qcow2 compat=0.10 qcow2-v2
    make qcow2 compat=1.1 qcow2-v3
    make qcow2 cluster_size=512,lazy_refcounts=on qcow2-512
    make qcow2 compression_type=zstd qcow2-zstd
    make qcow2 extended_l2=on qcow2-extended
    make qcow2 data_file=data.part,data_file_raw=on qcow2-data
    qemu-img create -q -f qcow2 -b plain -F raw qcow2-backing
    qemu-img create -q -f qcow2 --object secret,id=s,data=x -o encrypt.format=aes,encrypt.key-secret=s qcow2-encrypted 1M
    qemu-img create -q -f qcow qcow-1 1M
    for type in monolithicSparse monolithicFlat twoGbMaxExtentSparse twoGbMaxExtentFlat streamOptimized; do
      make vmdk subformat=$type vmdk-$type
    done
    for extent in *-flat.vmdk *-f001 *-s001 *-flat *-f001.vmdk *-s001.vmdk; do [ ! -e "$extent" ] || mv "$extent" "$extent.part"; done
    qemu-img create -q -f vmdk -b vmdk-monolithicSparse -F vmdk vmdk-backing
    make vpc subformat=dynamic vhd-dynamic
    make vpc subformat=dynamic,force_size=on vhd-dynamic-forced
    make vpc subformat=fixed,force_size=on vhd-fixed
    make vhdx subformat=dynamic,block_size=1M vhdx-dynamic
    make vhdx subformat=fixed,block_size=1M vhdx-fixed
    make vdi static=off vdi-dynamic
    make vdi static=on vdi-fixed
    make qed cluster_size=4096 qed
    truncate -s 4M luks1 luks2
    printf x > key.part
    fast='--batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file key.part'
    /usr/sbin/cryptsetup luksFormat --type luks1 $fast luks1
    /usr/sbin/cryptsetup luksFormat --type luks2 --luks2-metadata-size 16k --luks2-keyslots-size 256k --offset 4096 $fast luks2
    truncate -s 2M mbr gpt ext4 ntfs
    truncate -s 6M fat16
    printf 'label: dos\\nstart=64,size=64,type=83,bootable\\nstart=1024,type=82\\n' | /usr/sbin/sfdisk -q mbr
    printf 'label: gpt\\nsize=1M\\n' | /usr/sbin/sfdisk -q gpt
    /usr/sbin/mkfs.ext4 -q -F ext4
    /usr/sbin/mkfs.vfat -F 16 -s 1 fat16 > log.part 2>&1
    cp fat16 fat1 && /usr/sbin/mkfs.vfat -F 16 -s 1 -f 1 fat1 > log.part 2>&1
    /usr/sbin/mkntfs -q -F -Q -s 512 -p 0 -H 0 -S 0 ntfs > log.part 2>&1
    mkdir tree.part && cp plain tree.part/data
    genisoimage -quiet -o iso-plain tree.part 2> log.part
    genisoimage -quiet -udf -o iso-udf tree.part 2> log.part
    xorriso -as mkisofs -quiet --protective-msdos-label -o iso-hybrid tree.part 2> log.part
    cp iso-plain iso-qcow2 && dd if=qcow2-v3 of=iso-qcow2 bs=4096 count=1 conv=notrunc status=none
    { cat mbr; tail -c 512 vhd-fixed; } > broken-vhd
    : > empty
    """
}
