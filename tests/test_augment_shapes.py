"""Which pixels are taken: bytes, and floats from 0 to 1; what lies beyond is told wherever an image comes in."""

import pytest
import torch
from torch import nn

from ssl_lab.augment import SMALL, augment
from ssl_lab.errors import InputError
from ssl_lab.features import features

TAKERS = {"augment": augment, "an Augmentation": SMALL, "what it drew": lambda x: SMALL.draw(x)(x), "features": lambda x: features(nn.Flatten(), x)}
BYTES = torch.arange(4 * 3 * 8 * 8, dtype=torch.uint8).view(4, 3, 8, 8)
FLOATS = BYTES / 255
WRONG = {
    "floats of 0 to 255": (BYTES.float(), "torch.float32 from 0 to 255"),
    "normalised": ((FLOATS - 0.45) / 0.225, "torch.float32 from -2 to 2.44"),
    "doubles": (BYTES.double(), "torch.float64 from 0 to 255"),
    "halves": (FLOATS.half() * 2 - 1, "torch.float16 from -1 to 1"),
    "whole numbers of 16 bits": (BYTES.int() * 257, "torch.int32 from 0 to 6.55e"),
    "one that is none": (FLOATS.masked_fill(BYTES == 77, torch.nan), "from nan to nan"),
}


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("kind", WRONG)
def test_pixels_beyond_their_range_are_told(kind, taker):
    x, words = WRONG[kind]
    with pytest.raises(InputError, match=words) as said:
        TAKERS[taker](x)
    assert "bytes, or floats from 0 to 1, are needed" in str(said.value)


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("x", [BYTES, FLOATS, FLOATS * 1.0005, BYTES.long()], ids=["bytes", "floats", "a resize", "whole numbers"])
def test_pixels_within_it_are_taken(x, taker):
    torch.manual_seed(0)
    made = TAKERS[taker](x)
    torch.manual_seed(0)
    torch.testing.assert_close(made, TAKERS[taker](BYTES), atol=1e-3, rtol=0)
