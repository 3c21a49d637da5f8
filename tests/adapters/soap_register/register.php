<?php
// The town's register over SOAP, by PHP's own server. Run by: php -S 127.0.0.1:PORT register.php
// REGISTER_HOME holds register.wsdl, types.xsd and enterprises.json.
ini_set('soap.wsdl_cache_enabled', '0');
ini_set('display_errors', '0');
$home = getenv('REGISTER_HOME');
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

const WSSE_USER = 'hub';
const WSSE_PASSWORD = 'wsse-p4ss-of-the-town-77d0';
const BASIC = 'Basic aHViOmIzc2ljLXBhc3Mtb2YtdGhlLXRvd24tMTljMg==';

class Register
{
    public bool $known = false;

    public function __construct(private string $home, private bool $asks) {}

    public function Security($header): void
    {
        $token = $header->UsernameToken ?? null;
        $password = $token->Password->_ ?? $token->Password ?? '';
        $wanted = WSSE_PASSWORD;
        if (isset($token->Nonce)) {
            $nonce = base64_decode($token->Nonce->_ ?? $token->Nonce);
            $wanted = base64_encode(sha1($nonce . $token->Created . WSSE_PASSWORD, true));
        }
        $this->known = ($token->Username ?? '') === WSSE_USER && $password === $wanted;
    }

    private function rows(string $column, string $value): array
    {
        if ($this->asks && !$this->known) {
            throw new SoapFault('wsse:FailedAuthentication', 'no such user');
        }
        $rows = json_decode(file_get_contents($this->home . '/enterprises.json'), true);
        return array_values(array_filter($rows, fn($row) => $row[$column] === $value));
    }

    public function Find($in): array
    {
        return ['enterprise' => $this->rows($in->where->column, $in->where->value)];
    }

    public function Get($in): array
    {
        $rows = $this->rows('uscc', $in->uscc);
        if (!$rows) {
            throw new SoapFault('Client.NotFound', 'nothing about ' . $in->uscc);
        }
        return ['enterprise' => $rows[0], 'capital' => '1234567.80', 'updated' => '2026-03-01T09:30:00+08:00',
                'active' => true, 'staff' => 12, 'mark' => 'stamp'];
    }
}

if (getenv('REGISTER_ASKS') === 'basic' && ($_SERVER['HTTP_AUTHORIZATION'] ?? '') !== BASIC) {
    http_response_code(401);
    header('WWW-Authenticate: Basic realm="register"');
    return;
}
if ($_SERVER['REQUEST_METHOD'] === 'GET' && in_array($path, ['/register.wsdl', '/types.xsd'])) {
    header('Content-Type: text/xml; charset=utf-8');
    readfile($home . $path);
    return;
}
$version = $path === '/soap12' ? SOAP_1_2 : SOAP_1_1;
$server = new SoapServer("$home/register.wsdl", ['soap_version' => $version, 'features' => SOAP_SINGLE_ELEMENT_ARRAYS]);
$server->setObject(new Register($home, getenv('REGISTER_ASKS') === 'wsse'));
$server->handle();
