"""Say in it 授权: which standing grants reach a holder's records, and his word where use rests on his agreement."""
