"""256 words that are easy to say and hard to mishear, one for each byte: for fingerprints read aloud.

The list never changes: two versions of the software must say the same words for one card.
"""

from typing import Final

_LIST: Final = """
    acorn almond amber anchor apple apron arbor atlas autumn badge bakery balcony bamboo banana barley
    basil basket beacon bean bell bench berry birch biscuit blanket bottle bowl branch bread breeze
    brick bridge bronze brook broom bucket butter button cabin cactus camel candle canvas carpet carrot
    castle cedar cellar chalk cheese cherry chimney chorus cinema circle citrus clay clock cloud clover
    coast cobalt coffee copper coral corner cotton cradle crayon cricket crystal cup curtain cushion
    daisy dawn desert diamond dinner dolphin donkey door dragonfly drawer dune eagle easel echo elbow
    ember engine envelope evening fabric falcon farmer feather fence fern ferry fiddle field fig finger
    flute forest fountain fox frost garden garlic gate ginger glacier glass glove goat granite grape
    gravel guitar hammer harbor harvest hazel hedge heron hill honey horse hotel indigo iron island
    ivory jacket jasmine jelly jungle kettle kitchen kite ladder lake lamp lantern laurel lemon lentil
    letter library lilac lily linen lizard magnet mango maple marble market meadow melon mill mint
    mirror mitten moon morning mosaic moth mountain museum mushroom music napkin needle nest nickel
    noodle nutmeg oasis oat ocean olive onion opal orange orchard orchid otter owl paddle palace panda
    paper parrot pasta peach pear pebble pelican pencil pepper piano pigeon pillow pine planet plaza
    plum pocket pond poplar poppy porch potato puddle pumpkin quarry quartz quilt rabbit radish rain
    raven reed ribbon rice river robin roof rose ruby saddle saffron sail salad salmon sandal satin
    school shell silver sleeve slipper snow soap sofa spoon spruce squirrel stable sugar tulip turtle
    velvet
"""
WORDS: Final = tuple(_LIST.split())
