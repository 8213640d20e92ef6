/// The closed set of things that can go wrong, as told to callers (`error.code` in JSON, metric labels).
///
/// The raw values are a contract; `exitCode`, `httpStatus` and `retry` are the one table that says what each means to a caller.
public enum ErrorCode: String, Sendable, Hashable, CaseIterable, Codable {
  // 2: usage or configuration
  case usage
  case configuration
  case ambiguousName = "ambiguous_name"
  case invalidURL = "invalid_url"
  case invalidSize = "invalid_size"
  case invalidName = "invalid_name"
  // 3: not found, not visible or deleted
  case imageNotFound = "image_not_found"
  case imageDeleted = "image_deleted"
  case diskNotFound = "disk_not_found"
  case baseNotFound = "base_not_found"
  case sourceNotFound = "source_not_found"
  /// libvirt has no such domain.
  case domainNotFound = "domain_not_found"
  // 4: refused
  case imageDeactivated = "image_deactivated"
  case imageUnusable = "image_unusable"
  case sizeTooSmall = "size_too_small"
  case belowMinDisk = "below_min_disk"
  case digestMismatch = "digest_mismatch"
  case sizeMismatch = "size_mismatch"
  case digestRequired = "digest_required"
  case signatureUnsupported = "signature_unsupported"
  /// The image's signature properties are incomplete or malformed.
  case signatureInvalid = "signature_invalid"
  case signatureMismatch = "signature_mismatch"
  case signatureRequired = "signature_required"
  /// A certificate that is missing, not shown to us, malformed, expired, or not of the kind that is asked for.
  case certificateUnusable = "certificate_unusable"
  /// No chain leads from a certificate to one that is trusted.
  case certificateUntrusted = "certificate_untrusted"
  /// A key of a type that policy does not allow.
  case keyNotAllowed = "key_not_allowed"
  /// A disk format, or a kind of it, that policy does not allow.
  case formatNotAllowed = "format_not_allowed"
  /// More bytes for the guest than policy allows.
  case virtualSizeNotAllowed = "virtual_size_not_allowed"
  case formatRefused = "format_refused"
  case formatMismatch = "format_mismatch"
  case notCloneable = "not_cloneable"
  case noRoute = "no_route"
  case locationNotAllowed = "location_not_allowed"
  case notOurs = "not_ours"
  case storeRefused = "store_refused"
  case baseDamaged = "base_damaged"
  // 5: unavailable, try again
  case clusterUnreachable = "cluster_unreachable"
  case permissionDenied = "permission_denied"
  case imageServiceUnavailable = "image_service_unavailable"
  case imageServiceDenied = "image_service_denied"
  case imageNotReady = "image_not_ready"
  case certificateServiceUnavailable = "certificate_service_unavailable"
  /// libvirt cannot be reached, or does not answer.
  case libvirtUnavailable = "libvirt_unavailable"
  case sourceFailed = "source_failed"
  /// The daemon ends, is full, or went away in the middle.
  case agentUnavailable = "agent_unavailable"
  case timeout
  // 6: no space
  case noSpace = "no_space"
  // 7: busy, in use, or a name with another request
  case busy
  case inUse = "in_use"
  case nameConflict = "name_conflict"
  // 8: a batch with some failures
  case batchFailed = "batch_failed"
  // 130: cancelled
  case cancelled
  // 1: anything else
  case ioError = "io_error"
  /// libvirt answered, and refused or failed.
  case libvirtFailed = "libvirt_failed"
  case internalError = "internal"
}

/// What a caller with several hosts should do after an error: Nova's own split of its build failures.
public enum Retry: String, Sendable, Hashable, Codable {
  /// The same request may succeed on this host later.
  case here
  /// Another host may succeed now.
  case elsewhere
  /// The request itself must change.
  case never
}

extension ErrorCode {
  /// The process exit code (0 to 255) for this error.
  public var exitCode: Int32 {
    switch self {
    case .usage, .configuration, .ambiguousName, .invalidURL, .invalidSize, .invalidName: 2
    case .imageNotFound, .imageDeleted, .diskNotFound, .baseNotFound, .sourceNotFound, .domainNotFound: 3
    case .imageDeactivated, .imageUnusable, .sizeTooSmall, .belowMinDisk, .digestMismatch, .sizeMismatch, .digestRequired,
      .signatureUnsupported, .signatureInvalid, .signatureMismatch, .signatureRequired, .certificateUnusable, .certificateUntrusted,
      .keyNotAllowed, .formatNotAllowed, .virtualSizeNotAllowed, .formatRefused, .formatMismatch, .notCloneable, .noRoute,
      .locationNotAllowed, .notOurs, .storeRefused,
      .baseDamaged:
      4
    case .clusterUnreachable, .permissionDenied, .imageServiceUnavailable, .imageServiceDenied, .imageNotReady,
      .certificateServiceUnavailable, .libvirtUnavailable, .sourceFailed, .agentUnavailable, .timeout:
      5
    case .noSpace: 6
    case .busy, .inUse, .nameConflict: 7
    case .batchFailed: 8
    case .cancelled: 130
    case .ioError, .libvirtFailed, .internalError: 1
    }
  }

  /// The HTTP status (RFC 9110) with which the API answers this error.
  public var httpStatus: Int {
    switch self {
    case .usage, .configuration, .ambiguousName, .invalidURL, .invalidSize, .invalidName: 400
    case .imageNotFound, .diskNotFound, .baseNotFound, .sourceNotFound, .domainNotFound: 404
    case .imageDeleted: 410
    case .locationNotAllowed, .notOurs: 403
    case .imageDeactivated, .imageUnusable, .sizeTooSmall, .belowMinDisk, .digestMismatch, .sizeMismatch, .digestRequired,
      .signatureUnsupported, .signatureInvalid, .signatureMismatch, .signatureRequired, .certificateUnusable, .certificateUntrusted,
      .keyNotAllowed, .formatNotAllowed, .virtualSizeNotAllowed, .formatRefused, .formatMismatch, .notCloneable, .noRoute, .storeRefused,
      .baseDamaged:
      422
    case .clusterUnreachable, .permissionDenied, .imageServiceUnavailable, .imageServiceDenied, .imageNotReady,
      .certificateServiceUnavailable, .libvirtUnavailable, .sourceFailed, .agentUnavailable:
      503
    case .timeout: 504
    case .noSpace: 507
    case .busy, .inUse, .nameConflict: 409
    case .batchFailed: 207
    case .cancelled: 499
    case .ioError, .libvirtFailed, .internalError: 500
    }
  }

  /// Whether the request is worth repeating, and where.
  public var retry: Retry {
    switch self {
    case .usage, .ambiguousName, .invalidURL, .invalidSize, .invalidName: .never
    case .imageNotFound, .imageDeleted, .diskNotFound, .baseNotFound, .sourceNotFound, .domainNotFound: .never
    case .imageDeactivated, .imageUnusable, .sizeTooSmall, .belowMinDisk, .digestMismatch, .sizeMismatch, .digestRequired,
      .signatureUnsupported, .signatureInvalid, .signatureMismatch, .signatureRequired, .certificateUnusable, .certificateUntrusted,
      .keyNotAllowed, .formatNotAllowed, .virtualSizeNotAllowed, .formatRefused, .formatMismatch, .notCloneable, .noRoute,
      .locationNotAllowed, .notOurs:
      .never
    case .nameConflict, .batchFailed: .never
    case .configuration, .storeRefused, .baseDamaged, .clusterUnreachable, .permissionDenied, .imageServiceDenied, .noSpace, .ioError,
      .libvirtFailed, .internalError:
      .elsewhere
    case .imageServiceUnavailable, .certificateServiceUnavailable, .imageNotReady, .libvirtUnavailable, .sourceFailed, .agentUnavailable,
      .timeout, .busy, .inUse, .cancelled:
      .here
    }
  }
}
