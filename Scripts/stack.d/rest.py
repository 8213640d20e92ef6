"""Requests to the stack's services, with nothing but the standard library."""
import http.client
import json
import os
import time
from urllib.parse import urlsplit

from place import StackError


class Refused(StackError):
    def __init__(self, method, url, status, text):
        super().__init__(f'{method} {url}: {status} ' + ' '.join(text.split())[:400])
        self.status = status


def request(method, url, token=None, body=None, headers=None, file=None, want=range(200, 300)):
    """One request; `body` goes as JSON, `file` as octets. Returns (headers, decoded JSON or text).

    The services' SQLite answers 500 to writers that meet: what may be asked twice is."""
    for attempt in range(8):
        try:
            return once(method, url, token, body, headers, file, want)
        except Refused as refused:
            if attempt and method == 'DELETE' and refused.status == 404:
                return {}, None
            if refused.status != 500 or method not in ('GET', 'DELETE') or attempt == 7:
                raise
            time.sleep(0.3 * (attempt + 1))


def once(method, url, token, body, headers, file, want):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=300, blocksize=1 << 20)
    send = {'Accept': 'application/json', **(headers or {})}
    if token:
        send['X-Auth-Token'] = token
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        send.setdefault('Content-Type', 'application/json')
    elif file is not None:
        data = file
        send['Content-Type'] = 'application/octet-stream'
        send['Content-Length'] = str(os.fstat(file.fileno()).st_size)
    try:
        connection.request(method, parts.path + ('?' + parts.query if parts.query else ''), data, send)
        answer = connection.getresponse()
        text = answer.read().decode(errors='replace')
    except OSError as error:
        raise StackError(f'{method} {url}: {error}') from None
    finally:
        connection.close()
    if answer.status not in want:
        raise Refused(method, url, answer.status, text)
    try:
        return answer.headers, json.loads(text) if text else None
    except ValueError:
        return answer.headers, text


def token(keystone, user, password, project):
    domain = {'id': 'default'}
    headers, _ = request('POST', keystone + '/auth/tokens', body={'auth': {
        'identity': {'methods': ['password'], 'password': {
            'user': {'name': user, 'domain': domain, 'password': password}}},
        'scope': {'project': {'name': project, 'domain': domain}}}})
    return headers['X-Subject-Token']
