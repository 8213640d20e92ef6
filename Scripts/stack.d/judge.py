"""judge.py: what cursive, the library with which Nova and Glance verify signatures, says of signed images.

Reads one JSON document from stdin: `barbican` (URL), `token`, and `cases`, each with `name`, `file`, `properties` (an image's, those that are
there) and `trusted` (ids; none means that no chain is asked for). Prints one: name -> [verdict, reason], where the verdict is

  ok        verified
  refused   one of the two errors that callers of cursive are told to expect
  crashed   any other exception
  hangs     no verdict within a second of this processor's time

The order of calls is Nova's (nova/image/glance.py): the chain first, then the verifier, then the bytes.
"""
import functools
import json
import logging
import signal
import sys
import warnings

warnings.simplefilter('ignore')
from castellan import options  # noqa: E402
from cryptography import exceptions  # noqa: E402
from cursive import certificate_utils, exception, signature_utils  # noqa: E402
from keystoneauth1 import token_endpoint  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_context import context as oslo_context  # noqa: E402

PROPERTIES = ('img_signature_certificate_uuid', 'img_signature_hash_method', 'img_signature', 'img_signature_key_type')


class Hangs(BaseException):
    pass


class Context(oslo_context.RequestContext):
    """As Nova's and Glance's: castellan takes the way to authenticate from it."""

    def __init__(self, endpoint, token):
        super().__init__(auth_token=token)
        self.endpoint = endpoint

    def get_auth_plugin(self):
        return token_endpoint.Token(self.endpoint, self.auth_token)


def judge(context, case):
    properties = case['properties']
    uuid = properties.get('img_signature_certificate_uuid')
    if case['trusted']:
        certificate_utils.verify_certificate(context, uuid, case['trusted'])
    verifier = signature_utils.get_verifier(context, *(properties.get(name) for name in PROPERTIES))
    with open(case['file'], 'rb') as image:
        while piece := image.read(1 << 16):
            verifier.update(piece)
    verifier.verify()


def verdict(context, case):
    def hangs(*_):
        raise Hangs
    signal.signal(signal.SIGPROF, hangs)
    signal.setitimer(signal.ITIMER_PROF, 1)     # not by the clock: the machine may be busy
    try:
        judge(context, case)
        return 'ok', ''
    except (exception.SignatureVerificationError, exceptions.InvalidSignature) as error:
        return 'refused', f'{type(error).__name__}: {error}'
    except Hangs:
        return 'hangs', ''
    except Exception as error:
        return 'crashed', f'{type(error).__name__}: {error}'
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def once(get):
    """Each certificate is asked for once: castellan takes several requests for it, and a chain several certificates."""
    known = {}

    @functools.wraps(get)
    def certificate(context, uuid):
        if uuid not in known:
            try:
                known[uuid] = get(context, uuid), None
            except Exception as error:
                known[uuid] = None, error
        found, error = known[uuid]
        if error:
            raise error
        return found
    return certificate


def main():
    logging.disable(logging.CRITICAL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPROF])        # whoever started us may have blocked it
    asked = json.load(sys.stdin)
    options.set_defaults(cfg.CONF, backend='barbican', barbican_endpoint=asked['barbican'])
    cfg.CONF([], project='judge', default_config_files=[])
    signature_utils.get_certificate = once(signature_utils.get_certificate)
    context = Context(asked['barbican'], asked['token'])
    json.dump({case['name']: verdict(context, case) for case in asked['cases']}, sys.stdout)


main()
