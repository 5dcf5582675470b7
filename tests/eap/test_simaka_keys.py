"""Milenage against TS 35.208 and TS 55.205, and the keys of RFC 4186 appendix A and RFC 9048 appendix D."""

import pytest

from conformance.eap.milenage import Milenage, opc_of, xor
from conformance.eap.simaka_keys import Keys, prime_ck_ik, prime_keys, sim_keys

UMTS = """
465b5ce8b199b49faa5f0a2ee238a6bc 23553cbe9637a89d218ae64dae47bf35 ff9bb4d0b607 b9b9 cdc202d5123e20f62b6d676ac72cb318
cd63cb71954a9f4e48a5994e37a02baf 4a9ffac354dfafb3 01cfaf9ec4e871e9 a54211d5e3ba50bf b40ba9a3c58b2a05bbf0d987b21bf8cb
f769bcd751044604127672711c6d3441 aa689c648370 451e8beca43b

fec86ba6eb707ed08905757b1bb44b8f 9f7c8d021accf4db213ccff0c7f71a6a 9d0277595ffc 725c dbc59adcb6f9a0ef735477b7fadf8374
1006020f0a478bf6b699f15c062e42b3 9cabc3e99baf7281 95814ba2b3044324 8011c48c0c214ed2 5dbdbb2954e8f3cde665b046179a5098
59a92d3b476a0443487055cf88b2307b 33484dc2136b deacdd848cc6

9e5944aea94b81165c82fbf9f32db751 ce83dbc54ac0274a157c17f80d017bd6 0b604a81eca8 9e09 223014c5806694c007ca1eeef57f004f
a64a507ae1a2a98bb88eb4210135dc87 74a58220cba84c49 ac2cc74a96871837 f365cd683cd92e96 e203edb3971574f5a94b0d61b816345d
0c4524adeac041c4dd830d20854fc46b f0b9c08ad02e 6085a86c6f63

4ab1deb05ca6ceb051fc98e77d026a84 74b0cd6031a1c8339b2b6ce2b8c4a186 e880a1b580b6 9f07 2d16c5cd1fdf6b22383584e3bef2a8d8
dcf07cbd51855290b92a07a9891e523e 49e785dd12626ef2 9e85790336bb3fa2 5860fc1bce351e7e 7657766b373d1c2138f307e3de9242f9
1c42e960d89b8fa99f2744e0708ccb53 31e11a609118 fe2555e54aa9
"""
GSM = """
465b5ce8b199b49faa5f0a2ee238a6bc 23553cbe9637a89d218ae64dae47bf35 cd63cb71954a9f4e48a5994e37a02baf
46f8416a eae4be823af9a08b

fec86ba6eb707ed08905757b1bb44b8f 9f7c8d021accf4db213ccff0c7f71a6a 1006020f0a478bf6b699f15c062e42b3
8c308a5e aa01739b8caa976d

90dca4eda45b53cf0f12d7c9c3bc6a89 9fddc72092c6ad036b6e464789315b78 cb9cccc4b9258e6dca4760379fb82581
df58522f ed29b2f1c27f9f34
"""


def blocks(text: str) -> list[list[bytes]]:
    return [[bytes.fromhex(word) for word in block.split()] for block in text.strip().split("\n\n")]


@pytest.mark.parametrize("given", blocks(UMTS))
def test_umts(given: list[bytes]) -> None:
    k, rand, sqn, amf, op, opc, f1, f1_star, f2, f3, f4, f5, f5_star = given
    assert opc_of(k, op) == opc
    found = Milenage(k, opc, rand)
    assert (found.f1(sqn, amf), found.f1_star(sqn, amf), found.f2(), found.f3(), found.f4()) == (
        f1,
        f1_star,
        f2,
        f3,
        f4,
    )
    assert (found.f5(), found.f5_star()) == (f5, f5_star)


@pytest.mark.parametrize("given", blocks(GSM))
def test_gsm(given: list[bytes]) -> None:
    k, rand, opc, sres, kc = given
    assert (Milenage(k, opc, rand).sres(), Milenage(k, opc, rand).kc()) == (sres, kc)


def test_keys_of_sim() -> None:
    kcs = tuple(bytes(range(start, start + 8)) for start in (0xA0, 0xB0, 0xC0))
    nonce = bytes.fromhex("0123456789abcdeffedcba9876543210")
    keys = sim_keys(b"1244070100000001@eapsim.foo", kcs, nonce, b"\0\1", 1)
    assert keys == Keys(
        bytes.fromhex("536e5ebc4465582aa6a8ec9986ebb620"),
        bytes.fromhex("25af1942efcbf4bc72b3943421f2a974"),
        bytes.fromhex("e576d5ca332e9930018bf1baee2763c795b3c712"),
        bytes.fromhex(
            "39d45aeaf4e30601983e972b6cfd46d1c363773365690d09cd44976b525f47d3"
            "a60a985e955c53b090b2e4b73719196a402542968fd14a888f46b9a7886e4488"
        ),
        bytes.fromhex(
            "5949eab0fff69d52315c6c634fd14a7f0d52023d56f79698fa6596abeed4f93f"
            "bb48eb534d985414ceed0d9a8ed33c387c9dfdab92ffbdf240fcecf65a2c93b9"
        ),
    )


RAND = bytes.fromhex("81e92b6c0ee0e12ebceba8d92a99dfa5")
AUTN = bytes.fromhex("bb52e91c747ac3ab2a5c23d15ee351d5")
IK, CK = bytes.fromhex("9744871ad32bf9bbd1dd5ce54e3e2e5a"), bytes.fromhex("5349fbe098649f948f5d2e973a81c00f")
PRIME = [
    (
        b"WLAN", CK, IK, AUTN, "0093962d0dd84aa5684b045c9edffa04", "ccfc230ca74fcc96c0a5d61164f5a76c",
        "766fa0a6c317174b812d52fbcd11a179",
        "0842ea722ff6835bfa2032499fc3ec23c2f0e388b4f07543ffc677f1696d71ea",
        "cf83aa8bc7e0aced892acc98e76a9b2095b558c7795c7094715cb3393aa7d17a",
        "67c42d9aa56c1b79e295e3459fc3d187d42be0bf818d3070e362c5e967a4d544"
        "e8ecfe19358ab3039aff03b7c930588c055babee58a02650b067ec4e9347c75a",
        "f861703cd775590e16c7679ea3874ada866311de290764d760cf76df647ea01c"
        "313f69924bdd7650ca9bac141ea075c4ef9e8029c0e290cdbad5638b63bc23fb",
    ),
    (
        b"HRPD", b"\xc0" * 16, b"\xb0" * 16, b"\xa0" * 16, "8310a71ce6f754889613da8f64d5fb46",
        "5adf14360ae838192db23f6fcb7f8c76", "745e7439ba238f50fcac4d15d47cd1d9",
        "3e1d2aa4e677025cfd862a4be18361a13a645765571463df833a9759e8099879",
        "99da835e2ae82462576fe6516fad1f802f0fa1191655dd0a273da96d04e0fcd3",
        "c6d3a6e0ceea951eb20d74f32c3061d0680a04b0b086ee8700ace3e0b95fa026"
        "83c287beee44432294ff98af26d2cc783bace75c4b0af7fdfeb5511ba8e4cbd0",
        "7fb56813838adafa99d140c2f198f6dacebfb6afee444961105402b508c7f363"
        "352cb2919644b50463e6a69354150147ae09cbc54b8a651d8787a6893ed8536d",
    ),
]  # fmt: skip


@pytest.mark.parametrize("given", PRIME)
def test_keys_of_aka_prime(given: tuple[bytes, bytes, bytes, bytes, *tuple[str, ...]]) -> None:
    network, ck, ik, autn, *due = given
    ck_prime, ik_prime = prime_ck_ik(ck, ik, network, autn[:6])
    keys = prime_keys(b"0555444333222111", ck_prime, ik_prime)
    found = (ck_prime, ik_prime, keys.k_encr, keys.k_aut, keys.root, keys.msk, keys.emsk)
    assert found == tuple(bytes.fromhex(one) for one in due)


def test_the_case_of_rfc_9048_is_milenage_too() -> None:
    k, opc = bytes.fromhex("5122250214c33e723a5dd523fc145fc0"), bytes.fromhex("981d464c7c52eb6e5036234984ad0bcf")
    found = Milenage(k, opc, RAND)
    assert (found.f2().hex(), found.f3(), found.f4()) == ("28d7b0f2a2ec3de5", CK, IK)
    assert found.f1(xor(AUTN[:6], found.f5()), AUTN[6:8]) == AUTN[8:]
