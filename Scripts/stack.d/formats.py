"""What oslo.utils finds in images: the judge of Slipway's own inspectors. Runs in the stack's environment:

    Scripts/stack python Scripts/stack.d/formats.py < QUESTION

QUESTION is a list of {"file", "cut" (bytes that are left of it, or null), "bytes" ([offset, value] pairs to put in)}. The answer is a list of
{"format" (null for none, or for several at once), "safe", "why", "size"}."""
import io
import json
import logging
import sys

from oslo_utils.imageutils import format_inspector

READ = 65536


def judge(data):
    wrapper = format_inspector.InspectWrapper(io.BytesIO(data))
    while wrapper.read(READ):
        pass
    wrapper.close()
    try:
        found = {str(f): f for f in wrapper.formats}
    except format_inspector.ImageFormatError as error:
        return {'format': None, 'safe': False, 'why': str(error), 'size': None}
    # As Nova and Glance have it: a bootable ISO is an ISO.
    if set(found) == {'iso', 'gpt'}:
        found.pop('gpt')
    if len(found) != 1:
        return {'format': None, 'safe': False, 'why': 'several at once: ' + ' '.join(sorted(found)), 'size': None}
    (name, inspector), = found.items()
    # Partitions are no format of their own.
    answer = {'format': 'raw' if name == 'gpt' else name, 'safe': True, 'why': '', 'size': None}
    try:
        inspector.safety_check()
    except (format_inspector.SafetyCheckFailed, format_inspector.ImageFormatError) as error:
        answer.update(safe=False, why=str(error))
    try:
        answer['size'] = inspector.virtual_size
    except Exception as error:      # it has several, for headers that it called safe
        answer['why'] += f' (size: {type(error).__name__})'
    return answer


def main():
    logging.disable(logging.CRITICAL)
    answers, name, whole = [], None, b''
    for case in json.load(sys.stdin):
        if case['file'] != name:
            name = case['file']
            with open(name, 'rb') as f:
                whole = f.read()
        data = bytearray(whole if case['cut'] is None else whole[:case['cut']])
        for offset, value in case['bytes']:
            if offset < len(data):
                data[offset] = value
        answers.append(judge(bytes(data)))
    json.dump(answers, sys.stdout)


main()
