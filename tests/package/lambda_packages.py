#!/usr/bin/env python3
"""What scripts/package makes: the archives are as AWS Lambda wants them, and the executable works with nothing around it.

usage: lambda_packages.py ARCHITECTURE FOLDER PROGRAM
FOLDER is what scripts/package ARCHITECTURE has filled, PROGRAM a tillite of this machine. Ends with status 77, which ctest
shows as skipped, where something is missing. Runs in a network of its own, where nobody else has the ports of DNS.
"""
import fcntl
import gzip
import hashlib
import http.server
import io
import json
import os
import pathlib
import queue
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest
import zipfile

SKIPPED = 77
PATIENCE_S = 120
LIST = {"collection": "receipt_lines"}
SOURCES = pathlib.Path(__file__).resolve().parents[2]
MACHINES = {"arm64": (183, "aarch64", "arm64"), "x86_64": (62, "x86_64", "amd64")}  # of ELF, of uname, of OCI
ZIP_BYTES_MAX, IMAGE_BYTES_MAX = {"arm64": 4_000_000, "x86_64": 4_500_000}, 12_000_000
STEPS_OF_THE_IMAGE = ("line_polling", "word_polling", "compaction")
HOST = "provider.test"
REFUSAL = "no such rows here"
CHROOT = shutil.which("chroot", path=os.environ["PATH"] + ":/usr/sbin")
ARCHITECTURE, FOLDER, PROGRAM = "", pathlib.Path(), ""


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(SKIPPED)


def packed(kind):
    return FOLDER / f"tillite-{ARCHITECTURE}.{kind}"


class Elf:
    """Of an executable: its machine, and the kinds of its segments."""

    def __init__(self, content):
        magic, bits, order = content[:4], content[4], content[5]
        assert magic == b"\x7fELF" and bits == 2 and order == 1, "this is no ELF file of 64 bits, little-endian"
        self.machine, = struct.unpack_from("<H", content, 18)
        offset, = struct.unpack_from("<Q", content, 32)
        size, count = struct.unpack_from("<HH", content, 54)
        self.segments = [struct.unpack_from("<I", content, offset + i * size)[0] for i in range(count)]
        self.sections, = struct.unpack_from("<H", content, 60)


class Image:
    """An OCI layout, read strictly: every blob is looked at, and nothing else is there."""

    def __init__(self, path):
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            self.files = {member.name: tar.extractfile(member).read() for member in members if member.isfile()}
        self.times = {member.mtime for member in members}
        self.used = {"oci-layout", "index.json", "manifest.json"}
        self.index = json.loads(self.files["index.json"])
        self.manifest = json.loads(self.blob(self.index["manifests"][0]))
        self.config = json.loads(self.blob(self.manifest["config"]))
        self.layer = gzip.decompress(self.blob(self.manifest["layers"][0]))

    def blob(self, descriptor):
        algorithm, digest = descriptor["digest"].split(":")
        name = f"blobs/{algorithm}/{digest}"
        content = self.files[name]
        assert algorithm == "sha256" and hashlib.sha256(content).hexdigest() == digest, f"{name} is not what it is named after"
        assert len(content) == descriptor["size"], f"{name} has another size"
        self.used.add(name)
        return content


class Archives(unittest.TestCase):
    def test_the_zip_holds_an_executable_bootstrap_and_nothing_else(self):
        self.assertLessEqual(packed("zip").stat().st_size, ZIP_BYTES_MAX[ARCHITECTURE])
        with zipfile.ZipFile(packed("zip")) as archive:
            self.assertIsNone(archive.testzip())
            entry, = archive.infolist()
            self.assertEqual(entry.filename, "bootstrap")
            self.assertEqual(entry.create_system, 3)
            self.assertEqual(entry.external_attr >> 16, 0o100755)
            self.assertEqual(archive.read(entry), (FOLDER / "zip/bootstrap").read_bytes())

    @unittest.skipUnless(shutil.which("unzip"), "SKIPPED: there is no unzip to read the zip with")
    def test_unzip_reads_the_zip(self):
        subprocess.run(["unzip", "-t", packed("zip")], check=True, capture_output=True)

    def test_the_executables_need_no_library_and_are_stripped(self):
        for kind in ("zip", "image"):
            elf = Elf((FOLDER / kind / "bootstrap").read_bytes())
            self.assertEqual(elf.machine, MACHINES[ARCHITECTURE][0])
            self.assertIn(1, elf.segments)  # PT_LOAD
            self.assertNotIn(3, elf.segments, "it asks for an interpreter (PT_INTERP): it is not static")
            self.assertLess(elf.sections, 40, "it has sections of debug information")

    def test_the_image_is_one_manifest_of_one_platform(self):
        self.assertLessEqual(packed("oci.tar").stat().st_size, IMAGE_BYTES_MAX)
        image = Image(packed("oci.tar"))
        self.assertEqual(json.loads(image.files["oci-layout"]), {"imageLayoutVersion": "1.0.0"})
        descriptor, = image.index["manifests"]
        self.assertEqual(descriptor["mediaType"], "application/vnd.oci.image.manifest.v1+json")
        self.assertEqual(descriptor["platform"], {"os": "linux", "architecture": MACHINES[ARCHITECTURE][2]})
        self.assertEqual(image.manifest["schemaVersion"], 2)
        self.assertEqual(image.manifest["config"]["mediaType"], "application/vnd.oci.image.config.v1+json")
        layer, = image.manifest["layers"]
        self.assertEqual(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip")
        self.assertEqual((image.config["os"], image.config["architecture"]), ("linux", MACHINES[ARCHITECTURE][2]))
        self.assertEqual(image.config["config"]["Entrypoint"], ["/bootstrap"])
        self.assertEqual(image.config["rootfs"], {"type": "layers",
                                                  "diff_ids": ["sha256:" + hashlib.sha256(image.layer).hexdigest()]})
        self.assertEqual(image.used, set(image.files), "there are files that nothing refers to")

    def test_the_image_holds_the_executable_and_certificates(self):
        with tarfile.open(fileobj=io.BytesIO(Image(packed("oci.tar")).layer)) as tar:
            files = {member.name: member for member in tar.getmembers()}
            self.assertEqual(sorted(files), ["bootstrap", "etc", "etc/nsswitch.conf", "etc/ssl", "etc/ssl/certs",
                                             "etc/ssl/certs/ca-certificates.crt", "tmp"])
            self.assertEqual({(member.uid, member.gid, member.mtime) for member in files.values()}, {(0, 0, 0)})
            self.assertEqual((files["bootstrap"].mode, files["tmp"].mode), (0o755, 0o1777))
            self.assertEqual(tar.extractfile("bootstrap").read(), (FOLDER / "image/bootstrap").read_bytes())
            certificates = tar.extractfile("etc/ssl/certs/ca-certificates.crt").read()
            self.assertGreater(certificates.count(b"BEGIN CERTIFICATE"), 100)

    def test_packing_again_gives_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder)
            for kind in ("zip", "image"):
                shutil.copytree(FOLDER / kind, copy / kind)
            with tarfile.open(fileobj=io.BytesIO(Image(packed("oci.tar")).layer)) as tar:
                certificates = copy / "certificates"
                certificates.write_bytes(tar.extractfile("etc/ssl/certs/ca-certificates.crt").read())
            subprocess.run([SOURCES / "scripts/package-archives", copy, ARCHITECTURE, certificates], check=True,
                           capture_output=True)
            for kind in ("zip", "oci.tar"):
                self.assertEqual((copy / packed(kind).name).read_bytes(), packed(kind).read_bytes())

    @unittest.skipUnless(shutil.which("skopeo"), "SKIPPED: there is no skopeo to read the image with")
    def test_skopeo_reads_the_image_in_both_of_its_forms(self):
        for form in ("oci-archive", "docker-archive"):
            # Both forms are looked at, and copied, which compares every digest.
            found = subprocess.run(["skopeo", "--override-arch", MACHINES[ARCHITECTURE][2], "inspect",
                                    f"{form}:{packed('oci.tar')}"], check=True, capture_output=True)
            self.assertEqual(json.loads(found.stdout)["Architecture"], MACHINES[ARCHITECTURE][2])
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run(["skopeo", "--override-arch", MACHINES[ARCHITECTURE][2], "--insecure-policy", "copy",
                                f"{form}:{packed('oci.tar')}", f"dir:{folder}"], check=True, capture_output=True)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a function that has answered is killed, whatever it still listens to


class RuntimeApi:
    """Lambda's Runtime API for one function at a time."""

    def __init__(self):
        self.events, self.answers = queue.Queue(), queue.Queue()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                event = api.events.get()
                if event is None:
                    self.close_connection = True
                    return
                self.send(200, json.dumps(event).encode(), {"Lambda-Runtime-Aws-Request-Id": "request-1",
                                                            "Lambda-Runtime-Deadline-Ms": str(2**42)})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api.answers.put((self.path.rsplit("/", 1)[1], json.loads(body)))
                self.send(202, b"{}", {})

            def send(self, status, body, headers):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.events.put(None)
        self.server.shutdown()
        self.server.server_close()


class Names:
    """A DNS server on 127.0.0.1:53 that knows one name."""

    def __init__(self, name):
        self.question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.1)
        self.socket.bind(("127.0.0.1", 53))
        self.ends = False
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while not self.ends:
            try:
                query, sender = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            question = query[12:query.index(b"\0", 12) + 5]
            is_known = question[:-4] == self.question
            wants_address = question[-4:-2] == b"\0\1"
            self.asked += is_known
            answer = b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 60, 4) + socket.inet_aton("127.0.0.1")
            count = 1 if is_known and wants_address else 0
            self.socket.sendto(query[:2] + struct.pack(">HHHHH", 0x8180 if is_known else 0x8183, 1, count, 0, 0) + question +
                               answer * count, sender)

    def stop(self):
        self.ends = True
        self.thread.join()
        self.socket.close()


class TlsDoor:
    """Takes TLS connections, of one version and one way to encrypt if they are named, and hands their bytes on to a port."""

    def __init__(self, certificate, key, port, version=None, cipher=None, curve=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        if version:
            self.context.minimum_version = self.context.maximum_version = version
        if cipher:
            self.context.set_ciphers(cipher)
        if curve:
            self.context.set_ecdh_curve(curve)
        self.behind = port
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.taken = set()  # (version, cipher)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.pass_on, args=(plain,), daemon=True).start()

    def pass_on(self, plain):
        try:
            outside = self.context.wrap_socket(plain, server_side=True)
        except (ssl.SSLError, OSError):
            return  # the client did not trust the certificate
        self.taken.add((outside.version(), outside.cipher()[0]))
        inside = socket.create_connection(("127.0.0.1", self.behind))
        threading.Thread(target=copy_bytes, args=(inside, outside), daemon=True).start()
        # What is behind answers only to who calls it by a name of this machine.
        copy_bytes(outside, inside, lambda data: data.replace(HOST.encode(), b"localhost"))

    def stop(self):
        self.socket.close()


def copy_bytes(source, sink, changed=bytes):
    try:
        while data := source.recv(65536):
            sink.sendall(changed(data))
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Refusal(http.server.BaseHTTPRequestHandler):
    """A service of AWS that refuses everything."""

    def do_POST(self):
        body = json.dumps({"__type": "ValidationException", "message": REFUSAL}).encode()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Alone(unittest.TestCase):
    """The executable in a root folder in which nothing else is."""

    def setUp(self):
        self.room = tempfile.TemporaryDirectory(prefix="tillite-package-")
        self.addCleanup(self.room.cleanup)
        self.root = pathlib.Path(self.room.name) / "root"
        self.root.mkdir()
        self.emulator = None  # of the processor
        if os.uname().machine != MACHINES[ARCHITECTURE][1]:
            self.emulator = shutil.which(f"qemu-{MACHINES[ARCHITECTURE][1]}-static")

    def unpack_zip(self):
        with zipfile.ZipFile(packed("zip")) as archive:
            archive.extract("bootstrap", self.root)
        (self.root / "bootstrap").chmod(0o755)
        (self.root / "tmp").mkdir()

    def unpack_image(self):
        with tarfile.open(fileobj=io.BytesIO(Image(packed("oci.tar")).layer)) as tar:
            tar.extractall(self.root)

    def make_home(self, **variables):
        sample = subprocess.run([PROGRAM, "sample", "--receipts", "1"], capture_output=True, check=True)
        subprocess.run([PROGRAM, "--home", self.root / "tmp" / "home", "import", "-"], input=sample.stdout,
                       capture_output=True, check=True, env={**os.environ, **variables})

    def make_certificate(self, algorithm):
        """Of HOST, signed by itself: its files, the key first."""
        key, certificate = (pathlib.Path(self.room.name) / name for name in ("key.pem", "certificate.pem"))
        kind, size = algorithm.split(":")
        new_key = ["ec", "-pkeyopt", f"ec_paramgen_curve:{size}"] if kind == "ec" else [algorithm]
        subprocess.run(["openssl", "req", "-x509", "-newkey", *new_key, "-nodes", "-days", "2", "-subj", f"/CN={HOST}",
                        "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        return key, certificate

    def invoke(self, handler_type, event, api_host="127.0.0.1", **variables):
        """The answer of a function that has just been started: ("response" or "error", JSON)."""
        command = [CHROOT, self.root, "/bootstrap"]
        if self.emulator:
            shutil.copy(self.emulator, self.root / "emulator")
            command[2:2] = ["/emulator"]
        log = open(pathlib.Path(self.room.name) / "log", "ab")
        self.addCleanup(log.close)
        api = RuntimeApi()
        environment = {"HANDLER_TYPE": handler_type, "TILLITE_HOME": "/tmp/home", "AWS_LAMBDA_FUNCTION_NAME": "tested",
                       "AWS_LAMBDA_RUNTIME_API": f"{api_host}:{api.port}", **variables}
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            api.events.put(event)
            return api.answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError(f"no answer; the log: {pathlib.Path(log.name).read_text()}") from None
        finally:
            process.kill()
            process.wait()
            api.stop()

    def test_answers_from_an_unpacked_zip(self):
        self.unpack_zip()
        self.make_home()
        kind, answer = self.invoke("list_pending", LIST)
        self.assertEqual((kind, answer["pending_batches"]), ("response", []), answer)

    def test_answers_from_the_root_of_the_image(self):
        self.unpack_image()
        self.make_home()
        kind, answer = self.invoke("list_pending", LIST)
        self.assertEqual((kind, answer["pending_batches"]), ("response", []), answer)

    def test_an_unknown_handler_type_is_an_init_error_that_lists_the_valid_ones(self):
        self.unpack_zip()
        kind, answer = self.invoke("no_step", {})
        self.assertEqual(kind, "error", answer)
        self.assertIn("list_pending", answer["errorMessage"])

    def test_the_zip_says_which_steps_are_in_the_image(self):
        self.unpack_zip()
        for handler_type in STEPS_OF_THE_IMAGE:
            kind, answer = self.invoke(handler_type, {})
            self.assertEqual(kind, "error", answer)
            self.assertIn(f"'{handler_type}'", answer["errorMessage"])
            self.assertIn("are in the image", answer["errorMessage"])

    def test_the_image_has_the_steps_that_the_zip_has_not(self):
        self.unpack_image()
        self.make_home()
        for handler_type in STEPS_OF_THE_IMAGE:
            kind, answer = self.invoke(handler_type, {})
            self.assertEqual(kind, "error", answer)
            self.assertNotIn("HANDLER_TYPE", answer["errorMessage"], "the step says what is wrong with its event")

    def test_finds_hosts_in_etc_hosts(self):
        self.unpack_image()
        self.make_home()
        (self.root / "etc/hosts").write_text("127.0.0.1 runtime.test\n")
        kind, answer = self.invoke("list_pending", LIST, api_host="runtime.test")
        self.assertEqual(kind, "response", answer)

    def test_finds_hosts_by_dns(self):
        names = Names("runtime.test")
        self.addCleanup(names.stop)
        self.unpack_image()
        self.make_home()
        (self.root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        kind, answer = self.invoke("list_pending", LIST, api_host="runtime.test")
        self.assertEqual(kind, "response", answer)
        self.assertGreater(names.asked, 0)

    @unittest.skipUnless(shutil.which("openssl"), "SKIPPED: there is no program openssl to make a certificate with")
    def test_finds_and_submits_a_batch_over_https_with_a_name_from_dns(self):
        names = Names(HOST)
        self.addCleanup(names.stop)
        key, certificate = self.make_certificate("rsa:2048")
        provider = subprocess.Popen([PROGRAM, "--json", "openai-emulator", "--port", "0", "--folder",
                                     pathlib.Path(self.room.name) / "provider"], stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(provider.wait)
        self.addCleanup(provider.terminate)
        self.addCleanup(provider.stdout.close)
        door = TlsDoor(certificate, key, json.loads(provider.stdout.readline())["port"])
        self.addCleanup(door.stop)
        self.unpack_zip()
        (self.root / "etc").mkdir()
        (self.root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        # What the machine has there is nothing to an executable with a C library of its own.
        (self.root / "etc/nsswitch.conf").write_text("hosts: resolve [!UNAVAIL=return] myhostname\n")
        variables = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"https://{HOST}:{door.port}/v1"}
        self.make_home(**variables)
        kind, found = self.invoke("find_unembedded", {}, **variables)
        self.assertEqual(kind, "response", found)
        batch = found["batches"][0]

        shutil.copytree(self.root / "tmp/home", self.root / "tmp/copy")
        kind, answer = self.invoke("submit_openai", batch, **variables, TILLITE_HOME="/tmp/copy")
        self.assertEqual(kind, "error", answer)
        self.assertIn("certificate", answer["errorMessage"], "nobody is trusted where there are no certificates")

        place = self.root / "etc/pki/tls/certs"  # of Amazon Linux
        place.mkdir(parents=True)
        shutil.copy(certificate, place / "ca-bundle.crt")
        kind, answer = self.invoke("submit_openai", batch, **variables)
        self.assertEqual(kind, "response", answer)
        self.assertTrue(answer["openai_batch_id"], answer)
        self.assertEqual({version for version, _ in door.taken}, {"TLSv1.3"})

    @unittest.skipUnless(shutil.which("openssl"), "SKIPPED: there is no program openssl to make certificates with")
    def test_calls_aws_over_each_kind_of_tls_that_services_have_today(self):
        service = Server(("127.0.0.1", 0), Refusal)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        self.addCleanup(service.server_close)
        self.addCleanup(service.shutdown)
        self.unpack_zip()
        (self.root / "etc").mkdir()
        (self.root / "etc/hosts").write_text(f"127.0.0.1 {HOST}\n")
        for version, algorithm, cipher, curve in (
                (ssl.TLSVersion.TLSv1_2, "rsa:2048", "ECDHE-RSA-AES128-GCM-SHA256", "prime256v1"),
                (ssl.TLSVersion.TLSv1_2, "rsa:4096", "ECDHE-RSA-AES256-GCM-SHA384", "X25519"),
                (ssl.TLSVersion.TLSv1_2, "ec:P-256", "ECDHE-ECDSA-CHACHA20-POLY1305", "X25519"),
                (ssl.TLSVersion.TLSv1_3, "ec:P-384", None, "secp384r1"),
                (ssl.TLSVersion.TLSv1_3, "rsa:2048", None, "prime256v1")):
            with self.subTest(version=version.name, algorithm=algorithm, cipher=cipher, curve=curve):
                key, certificate = self.make_certificate(algorithm)
                shutil.copy(certificate, self.root / "certificate.pem")
                door = TlsDoor(certificate, key, service.server_address[1], version, cipher, curve)
                self.addCleanup(door.stop)
                kind, answer = self.invoke("list_pending", LIST, TILLITE_HOME="", DYNAMODB_TABLE_NAME="Rows", S3_BUCKET="files",
                                           CHROMADB_BUCKET="vectors", COMPACTION_QUEUE_URL=f"https://{HOST}:{door.port}/queue",
                                           AWS_ENDPOINT_URL=f"https://{HOST}:{door.port}", AWS_CA_BUNDLE="/certificate.pem",
                                           AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY="secret")
                self.assertEqual(kind, "error", answer)
                self.assertIn(REFUSAL, answer["errorMessage"])
                (taken_version, taken_cipher), = door.taken
                self.assertEqual(taken_version, version.name.replace("_", "."))
                if cipher:
                    self.assertEqual(taken_cipher, cipher)


def enter_own_network():
    """Starts this program again in a network of its own, as its root, and brings up its loopback."""
    if "--inside" in sys.argv:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            request = bytearray(struct.pack("16sH14x", b"lo", 0))
            fcntl.ioctl(control, 0x8913, request)  # SIOCGIFFLAGS
            name, flags = struct.unpack_from("16sH", request)
            fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", name, flags | 1))  # SIOCSIFFLAGS, IFF_UP
        sys.argv.remove("--inside")
        return
    unshare = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        skip("this machine gives no network namespaces (unshare --map-root-user --net), in which the packages are tried")
    os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv, "--inside"])


def main():
    global ARCHITECTURE, FOLDER, PROGRAM
    enter_own_network()
    ARCHITECTURE, FOLDER, PROGRAM = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    if not packed("oci.tar").exists():
        skip(f"there are no packages for {ARCHITECTURE}: scripts/package {ARCHITECTURE} makes them")
    machine = MACHINES[ARCHITECTURE][1]
    if os.uname().machine != machine and shutil.which(f"qemu-{machine}-static") is None:
        skip(f"there is no qemu-{machine}-static to run executables for {ARCHITECTURE} with: scripts/setup package")
    unittest.main(argv=sys.argv[:1], verbosity=2, warnings="ignore")


main()
