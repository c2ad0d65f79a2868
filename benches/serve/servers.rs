//! The servers, in processes of their own, on free ports of loopback.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};

/// How often, and how long apart, is looked whether nginx listens.
const TRIES: u32 = 200;
const APART: Duration = Duration::from_millis(20);

/// A certificate that both use.
pub(crate) struct Tls {
    cert: PathBuf,
    key: PathBuf,
    der: Vec<u8>,
}

impl Tls {
    pub(crate) fn new(directory: &Path, host: &str) -> Result<Self, Box<dyn Error>> {
        let pair = KeyPair::generate()?;
        let certificate = CertificateParams::new([host.to_owned()])?.self_signed(&pair)?;
        let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        fs::write(&cert, certificate.pem())?;
        fs::write(&key, pair.serialize_pem())?;
        let der = certificate.der().to_vec();
        Ok(Self { cert, key, der })
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }
}

/// A running server. It is killed in the end.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves this tree.
    pub(crate) fn nginx(
        directory: &Path,
        tree: &Path,
        tls: Option<&Tls>,
    ) -> Result<Self, Box<dyn Error>> {
        // Somebody could take it in between; then it says so.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let home = directory.join(if tls.is_some() { "nginx-tls" } else { "nginx" });
        fs::create_dir_all(&home)?;
        let config = home.join("nginx.conf");
        fs::write(&config, nginx_config(&home, tree, address, tls))?;
        let log = fs::File::create(home.join("stderr"))?;
        let child = Command::new("nginx")
            .arg("-p")
            .arg(&home)
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut server = Self { child, address };
        for _ in 0..TRIES {
            if TcpStream::connect(address).is_ok() {
                return Ok(server);
            }
            if server.child.try_wait()?.is_some() {
                break;
            }
            sleep(APART);
        }
        Err(fs::read_to_string(home.join("stderr"))?.into())
    }

    /// The example, on this keyring.
    pub(crate) fn wkd_server(
        domain: &str,
        keyring: &Path,
        tls: Option<&Tls>,
    ) -> Result<Self, Box<dyn Error>> {
        let this = std::env::current_exe()?;
        let profile = this.ancestors().nth(2).ok_or("where is this program?")?;
        let name = format!("wkd_server{}", std::env::consts::EXE_SUFFIX);
        let program = profile.join("examples").join(name);
        if !program.is_file() {
            return Err("`cargo build --release --example wkd_server` makes it".into());
        }
        let mut command = Command::new(program);
        command
            .args(["--listen", "127.0.0.1:0", "--domain"])
            .arg(format!("{domain}={}", keyring.display()));
        if let Some(tls) = tls {
            command.arg("--cert").arg(&tls.cert);
            command.arg("--key").arg(&tls.key);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("no pipe")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim_end().rsplit('/').next().unwrap_or_default();
        let address = address.parse();
        let server = Self {
            child,
            address: address.clone().unwrap_or_else(|_| ([0; 4], 0).into()),
        };
        address?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // nginx would leave its workers behind if it were killed.
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// As for a busy site: a worker for each processor, no log, connections that last.
fn nginx_config(home: &Path, tree: &Path, address: SocketAddr, tls: Option<&Tls>) -> String {
    let home = home.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {home}/{name};\n"))
        .concat();
    let (ssl, tls) = match tls {
        None => ("", String::new()),
        Some(tls) => (
            " ssl",
            format!(
                "ssl_certificate {};\nssl_certificate_key {};\nssl_protocols TLSv1.2 TLSv1.3;\n",
                tls.cert.display(),
                tls.key.display()
            ),
        ),
    };
    format!(
        "{user}
daemon off;
worker_processes auto;
pid {home}/pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
access_log off;
{temporary}
sendfile on;
tcp_nopush on;
keepalive_requests 1000000;
server {{
listen {address}{ssl};
{tls}
location /.well-known/openpgpkey/ {{
alias {tree}/;
types {{ }}
default_type application/octet-stream;
add_header Access-Control-Allow-Origin *;
}}
}}
}}
",
        user = user(),
        tree = tree.display(),
    )
}

/// Its workers must be able to read the files, also where an administrator starts it.
fn user() -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;

        if fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0) {
            return "user root;";
        }
    }
    ""
}
