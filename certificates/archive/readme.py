"""The README in every archive, Chinese and English: what lies in it, and how to check it with tools of others.

The same text in every archive: what differs stands in the manifest. Wire format: UTF-8.
"""

from typing import Final

README_FILE: Final = "README.txt"

README: Final = """\
电子归档包（一证） / ARCHIVE OF A CASE (Yizheng)
====================================================

中文
----
本包是一个已办结办件的归档：取证应答原文（含各加注件令牌与数据）、证照公开信息、当日状态声明、账本回执的包含证明与
签名检查点、当日信任清单、当时有效的事项规则、全部文件的校验值、签名清单和时间戳。不依赖任何系统即可核验。

文件
  manifest.json       清单：每个文件的 SHA-256 与 SM3、大小、类别
  manifest.p7s        对清单的签名（CMS，分离式），签名者为本枢纽
  stamps/NNNN.sha256  第 NNNN 次盖时间戳时的全部文件及校验值；stamps/NNNN.tst 为其上的 RFC 3161 时间戳
                      以后续盖的为 stamps/NNNN.sha512，同时覆盖先前的时间戳
  case.json           办件；matter.json 当时有效的事项规则
  evidence/           每次取证的应答，逐字节原样
  licences/           所用证照的公开信息；status/ 披露时与办结时的状态（签名）
  records.json        办理步骤、已签表单及签名、告知承诺；tasks/ 协查答复（签名），copies/ 共享件的印章、扫描件、时间戳
  ledger/             检查点 checkpoint.txt 与每条记录的包含证明 proofs.json
  trust/              当日信任清单、签名密钥的证书、根证书 anchors.pem

核验（在解压后的目录中执行）
  1. 根证书：anchors.pem 只供对照。请从其他途径取得根证书指纹并与之比较：
       openssl x509 -in trust/anchors.pem -noout -fingerprint -sha256
  2. 每个文件未被改动：
       sha256sum -c stamps/0001.sha256
  3. 时间戳：证明以上全部文件在该时刻已经存在（ts 读出时刻 T）：
       openssl ts -reply -token_in -in stamps/0001.tst -text
       openssl ts -verify -data stamps/0001.sha256 -in stamps/0001.tst -token_in -CAfile trust/anchors.pem
     证书到期之后再加 -attime T（自 1970-01-01 起的秒数）；如有 stamps/0002.*，先核验最新的一个。
  4. 清单的签名，按时刻 T 判断证书是否有效：
       openssl cms -verify -binary -inform DER -in manifest.p7s -content manifest.json -out /dev/null \\
         -CAfile trust/anchors.pem -purpose any -attime T
  5. 全部内容（令牌、回执、包含证明、状态、信任清单），无需联网、无需枢纽：
       yizheng archive verify 包或目录 --anchors 根证书.pem

English
-------
This package is the archive of one closed case: the answers to its questions byte for byte (with the tokens and data of
every purpose copy), public data of the licences, signed statements of their status at the time, inclusion proofs for
the receipts with the signed checkpoint of the ledger, the trust list of the day, the rules of the matter then in
force, checksums of every file, a signed manifest, and time-stamps. No system is needed to check it.

Files
  manifest.json       every file with SHA-256 and SM3, size and kind
  manifest.p7s        the signature over the manifest (CMS, detached), by this hub
  stamps/NNNN.sha256  all files with their checksums when stamp NNNN was made; stamps/NNNN.tst is the RFC 3161 token
                      over it. Later stamps have stamps/NNNN.sha512 and cover the earlier ones
  case.json           the case; matter.json the rules then in force
  evidence/           every answer, as it was given
  licences/           public data of the licences; status/ their status when disclosed and at the closing, signed
  records.json        steps, the signed form, promises; tasks/ officers' answers, copies/ seals, scans, time-stamps
  ledger/             the checkpoint, and proofs.json: that every entry stands under it
  trust/              the trust list of the day, certificates of the signing keys, the roots anchors.pem

Checking (in the unpacked folder)
  1. Roots: anchors.pem is there to be compared only. Get the fingerprints of the roots in another way:
       openssl x509 -in trust/anchors.pem -noout -fingerprint -sha256
  2. No file was changed:
       sha256sum -c stamps/0001.sha256
  3. The time-stamp: all of these files existed at the time T that it states:
       openssl ts -reply -token_in -in stamps/0001.tst -text
       openssl ts -verify -data stamps/0001.sha256 -in stamps/0001.tst -token_in -CAfile trust/anchors.pem
     Once the certificates have ended, add -attime T (seconds since 1970-01-01). Where there is a stamps/0002.*, begin
     with the newest.
  4. The signature over the manifest, its certificate judged at T:
       openssl cms -verify -binary -inform DER -in manifest.p7s -content manifest.json -out /dev/null \\
         -CAfile trust/anchors.pem -purpose any -attime T
  5. Everything inside (tokens, receipts, proofs, status, trust list), without network and without the hub:
       yizheng archive verify PACKAGE --anchors ROOTS.pem
"""
