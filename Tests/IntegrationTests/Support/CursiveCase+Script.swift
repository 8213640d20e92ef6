extension CursiveCase {
  /// Where the signature lies that the script makes.
  var signatureFile: String {
    let words = (options ?? usualOptions).split(whereSeparator: { !$0.isLetter && !$0.isNumber }).joined(separator: "-")
    return "sig-\(signer)-\(signedHash ?? hash)-\(words)"
  }

  private var usualOptions: String { signer.hasPrefix("rsa") || signer == "stranger" ? Self.pss + " -sigopt rsa_pss_saltlen:max" : "" }

  /// Makes every file that a case names: images, keys, certificates, signatures.
  static var script: String {
    var signing: Set<String> = []
    for one in all {
      let digest = (one.signedHash ?? one.hash).lowercased().replacing("-", with: "")
      signing.insert("openssl dgst -\(digest) -sign \(one.signer).key \(one.options ?? one.usualOptions) -out \(one.signatureFile) image")
    }
    return ([functions, files] + signing.sorted()).joined(separator: "\n")
  }

  private static let functions = #"""
    key() { # NAME KIND
      case $2 in
        rsa*) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:${2#rsa} -out $1.key ;;
        dsa) openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:2048 -pkeyopt dsa_paramgen_q_bits:256 -out $1.par
          openssl genpkey -paramfile $1.par -out $1.key ;;
        ed25519) openssl genpkey -algorithm ED25519 -out $1.key ;;
        *) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$2 -pkeyopt ec_param_enc:named_curve -out $1.key ;;
      esac
    }
    plain() { # NAME KIND: signed by itself, no CA
      [ -e $1.key ] || key $1 $2
      openssl req -x509 -new -key $1.key -days 30 -subj /CN=$1 -addext basicConstraints=critical,CA:FALSE \
        -addext keyUsage=critical,digitalSignature -out $1.pem
    }
    root() { # NAME KIND [CONSTRAINTS]: signed by itself, a CA
      [ -e $1.key ] || key $1 $2
      openssl req -x509 -new -key $1.key -days 30 -subj /CN=${4:-$1} -addext basicConstraints=${3:-critical,CA:TRUE} \
        -addext keyUsage=critical,keyCertSign -out $1.pem
    }
    signed() { # NAME KEY SUBJECT ISSUER EXTENSIONS OPTIONS...
      name=$1 key=$2 subject=$3 issuer=$4
      printf "$5" > $name.ext
      shift 5
      [ -e $key.key ] || key $key prime256v1
      openssl req -new -key $key.key -subj /CN=$subject -out $name.csr
      openssl x509 -req -in $name.csr -CA $issuer.pem -CAkey $issuer.key -set_serial 0x$(openssl rand -hex 8) -days 20 \
        -extfile $name.ext -out $name.pem "${@:--sha256}"
    }
    ca() { signed $1 $1 $1 $2 "${3:-$CA}"; }         # NAME ISSUER [EXTENSIONS]
    leaf() { signed $1 secp384r1 $1 $2 ''; }         # NAME ISSUER: over the one key that signs images there
    dated() { # NAME KEY ISSUER EXTENSIONS FROM TO
      printf "[ca]\ndefault_ca=c\n[c]\nnew_certs_dir=ca\ndatabase=index\nrand_serial=yes\npolicy=p\ndefault_md=sha256\nx509_extensions=x\n" > $1.cnf
      printf "unique_subject=no\n[p]\ncommonName=supplied\n[x]\n$4" >> $1.cnf
      mkdir -p ca
      : > index
      [ -e $2.key ] || key $2 prime256v1
      openssl req -new -key $2.key -subj /CN=$1 -out $1.csr
      openssl ca -batch -notext -config $1.cnf -cert $3.pem -keyfile $3.key -in $1.csr -startdate $5 -enddate $6 -out $1.pem
    }
    BC='basicConstraints=critical,CA:TRUE'
    KU='keyUsage=critical,keyCertSign'
    CA="$BC\n$KU\n"
    """#

  private static let files = #"""
    head -c 200000 /dev/urandom > image
    truncate -s 300000 image
    (head -c 150000 image; printf x; tail -c 149999 image) > flipped
    (cat image; printf x) > longer
    head -c 299999 image > shorter
    : > empty

    plain rsa rsa2048; plain rsa2049 rsa2049; plain rsa1024 rsa1024; plain stranger rsa2048; plain dsa dsa
    for curve in secp384r1 secp521r1 prime256v1 secp256k1 sect571k1 sect409k1 sect571r1 sect409r1 ed25519; do plain $curve $curve; done

    # The modulus of a good key, with an exponent that needs no private key.
    printf 'asn1=SEQUENCE:k\n[k]\na=SEQUENCE:a\nb=BITWRAP,SEQUENCE:p\n[a]\no=OID:rsaEncryption\nn=NULL\n[p]\ne=INTEGER:1\n' > exponent1.cnf
    sed -i "s/^e=/n=INTEGER:0x$(openssl rsa -in rsa.key -modulus -noout | sed s/Modulus=//)\n&/" exponent1.cnf
    openssl asn1parse -genconf exponent1.cnf -noout -out exponent1.der
    openssl pkey -pubin -inform DER -in exponent1.der -out exponent1.key
    openssl req -new -key rsa.key -subj /CN=exponent1 -out exponent1.csr
    openssl x509 -req -in exponent1.csr -CA rsa.pem -CAkey rsa.key -set_serial 9 -force_pubkey exponent1.key -days 20 -out exponent1.pem

    cat secp384r1.pem rsa.pem > form-two.pem
    cat rsa.pem secp384r1.pem > form-second.pem
    sed 's/$/\r/' secp384r1.pem > form-crlf.pem
    (echo 'the certificate of our images'; echo; cat secp384r1.pem) > form-words.pem
    openssl x509 -in secp384r1.pem -outform DER -out form-der.pem
    cp secp384r1.key form-key.pem
    cat secp384r1.key secp384r1.pem > form-behind.pem
    openssl x509 -in secp384r1.pem -trustout -out form-trusted.pem
    base64 secp384r1.pem > form-base64.pem
    (head -n 4 secp384r1.pem; tail -n 1 secp384r1.pem) > form-cut.pem

    root root prime256v1; root root2 prime256v1; root path0 prime256v1 critical,CA:TRUE,pathlen:0
    root path1 prime256v1 critical,CA:TRUE,pathlen:1; root c0 prime256v1; root a prime256v1; root b prime256v1
    root selfca secp384r1
    cp secp384r1.key selfca.key; root selfca secp384r1
    ca int root; ca int0 path0; ca int1 path1
    leaf leaf int; leaf rootleaf root; leaf under-int0 int0; leaf under-path0 path0; leaf under-int1 int1
    dated expired secp384r1 root 'subjectKeyIdentifier=hash\n' 20200101000000Z 20210101000000Z
    dated future secp384r1 root 'subjectKeyIdentifier=hash\n' 20400101000000Z 20410101000000Z
    dated expiredint expiredint root "$CA" 20200101000000Z 20210101000000Z
    leaf under-expiredint expiredint
    root fake prime256v1 critical,CA:TRUE root
    leaf forged fake
    signed a-by-b a a b "$CA"; signed b-by-a b b a "$CA"; signed a-by-root2 a a root2 "$CA"
    leaf under-a a
    for i in 1 2 3 4 5 6 7 8 9; do ca c$i c$((i - 1)); done
    leaf under-c8 c8; leaf under-c9 c9

    ca noca root "basicConstraints=critical,CA:FALSE\n$KU\n"; ca nobc root "$KU\n"; ca noku root "$BC\n"
    ca wrongku root "$BC\nkeyUsage=critical,digitalSignature\n"
    for name in noca nobc noku wrongku; do leaf under-$name $name; done
    cp rsa.key ca-rsa.key; cp dsa.key ca-dsa.key; cp rsa1024.key ca-rsa1024.key
    for kind in rsa dsa secp521r1 rsa1024; do root ca-$kind $kind; leaf under-ca-$kind ca-$kind; done
    root ca-ed25519 ed25519; signed under-ca-ed25519 secp384r1 x ca-ed25519 '' -days 20
    signed pssleaf secp384r1 x ca-rsa '' -sha256 -sigopt rsa_padding_mode:pss
    signed sha1leaf secp384r1 x root '' -sha1
    signed critical secp384r1 x root '1.2.3.4=critical,ASN1:UTF8String:x\n'
    openssl x509 -req -in leaf.csr -CA root.pem -CAkey root.key -set_serial 3 -days 20 -sha256 -out version1.pem
    """#
}
