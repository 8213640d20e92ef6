internal import CCurl
internal import Glibc

extension HTTPError {
  /// What libcurl's code (`CURLcode`) means here; `words` are its own, from CURLOPT_ERRORBUFFER.
  init(_ code: CURLcode, words: String, for transfer: Transfer) {
    let url = transfer.request.url
    let said = words.isEmpty ? String(cString: curl_easy_strerror(code)) : words
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED:
      self.init(.unreachable, url: url, said)
    case CURLE_OPERATION_TIMEDOUT:
      // The only timeout that libcurl keeps for us is the one on connecting.
      self.init(.unreachable, url: url, "no connection in time")
    case CURLE_PARTIAL_FILE:
      self.init(.truncated, url: url, "the body ended before its declared end")
    case CURLE_GOT_NOTHING:
      self.init(.unreachable, url: url, "the connection was closed without an answer")
    case CURLE_RECV_ERROR, CURLE_SEND_ERROR:
      self.init(transfer.headDone ? .truncated : .unreachable, url: url, "the connection broke (\(said))")
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE,
      CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED, CURLE_USE_SSL_FAILED, CURLE_SSL_CRL_BADFILE,
      CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
      self.init(.tls, url: url, said)
    case CURLE_URL_MALFORMAT:
      // libcurl's words may quote the URL.
      self.init(.invalidRequest, url: url, "the URL is malformed")
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
      // The scheme was looked at before: what is not supported is HTTP/0.9, libcurl's word for an answer without a status line.
      self.init(.malformed, url: url, "the answer is not HTTP")
    default:
      self.init(.malformed, url: url, said)
    }
  }
}
