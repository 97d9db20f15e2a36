// Who the characters are: kinds, traits, clothes, pastimes. All traits are pleasant ones, so that any two go together.
#include "corpora/lexicon.h"

namespace orrery::lexicon {

const char* const kCharacters = R"grammar(
table gender: key he him his self was I am me my friend
  she she her her herself was I am me my friend
  he he him his himself was I am me my friend
  it it it its itself was I am me my friend
  they they them their themselves were we are us our friends
noun beast: fox, owl, mouse/mice, rabbit, hare, badger, otter, beaver, hedgehog, squirrel, mole, bear, wolf/wolves, deer/deer, goat,
  donkey, pony, cat, dog, puppy, kitten, hen, duck, goose/geese, swan, crow, raven, magpie, robin, wren, sparrow, finch,
  heron, stork, pelican, penguin, seal, walrus, whale, dolphin, turtle, tortoise, frog, toad, newt, lizard, gecko, snail, beetle,
  ladybird, cricket, grasshopper, moth, butterfly, bumblebee, spider, lion, tiger, leopard, panther, elephant, giraffe,
  zebra, camel, llama, alpaca, kangaroo, koala, wombat, panda, monkey, gorilla, lemur, sloth, parrot, toucan, flamingo, ostrich, peacock, pigeon,
  turkey, piglet, lamb, calf/calves, foal, weasel, stoat, ferret, raccoon, skunk, porcupine, chipmunk, hamster, gerbil, moose/moose, reindeer/reindeer,
  bison/bison, yak, lynx, jackal, hyena, meerkat, mongoose, armadillo, anteater, crab, lobster, octopus, dragon, unicorn
# Kinds that come in pairs.
noun twin: mouse/mice, fox, owl, rabbit, hare, badger, otter, beaver, hedgehog, squirrel, mole, bear, wolf/wolves, goat, donkey, cat, dog, puppy, kitten,
  hen, duck, goose/geese, swan, crow, robin, sparrow, penguin, turtle, frog, snail, beetle, cricket, lion, tiger, elephant, monkey, parrot, lamb, hamster, dragon
noun person: baker, farmer, fisher, tailor, weaver, potter, gardener, miller, cobbler, carpenter, painter, poet, singer, drummer,
  fiddler, piper, dancer, juggler, acrobat, clown, magician, wizard, inventor, clockmaker, toymaker, blacksmith, locksmith, goldsmith,
  shepherd, beekeeper, cheesemaker, candlemaker, basketmaker, bookbinder, librarian, teacher, student, doctor, nurse, sailor, captain,
  pirate, explorer, traveller, hunter, ranger, forester, woodcutter, cook, grocer, butcher, barber, pedlar, messenger, postman/postmen,
  lighthouse keeper, ferryman/ferrymen, knight, squire, giant, elf/elves, gnome, pixie, goblin, troll, orphan, scholar, stargazer, mapmaker
noun girlkind: girl, princess, queen, milkmaid, duchess, witch, mermaid, schoolgirl, dairymaid, seamstress
noun boykind: boy, prince, king, stable boy, duke, sorcerer, merman/mermen, schoolboy, ploughboy, choirboy
words trait: brave, shy, kind, gentle, clever, curious, cheerful, merry, quiet, honest, patient, polite, playful, careful, daring, eager,
  friendly, generous, graceful, helpful, hopeful, humble, jolly, lively, loyal, modest, nimble, peaceful, proud, quick, sensible, thoughtful,
  tidy, tender, trusting, wise, witty, bold, bright, busy, calm, charming, cosy, dreamy, earnest, energetic, faithful, fearless,
  funny, gallant, good-natured, hard-working, imaginative, independent, inventive, joyful, lovable, lucky, neat, noble, nosy, orderly, plucky,
  scruffy, silly, skilful, sleepy, spirited, steady, sturdy, stubborn, sweet, talented, talkative, watchful, whimsical, young-hearted, zesty
noun clothing: hat, cap, scarf, coat, cloak, jacket, waistcoat, shirt, sweater, apron, ribbon, necklace, bonnet, beret, shawl, cape, belt,
  bow tie, necktie, vest, raincoat, tunic, kerchief, bracelet, brooch, badge, backpack, satchel, sash, hood, collar, bandana
words colour: red, blue, green, yellow, orange, purple, pink, brown, black, white, grey, golden, silver, scarlet, crimson, turquoise, violet,
  lilac, emerald, indigo, ivory, amber, maroon, navy, tan, striped, spotted, checked, flowery, woollen, velvet, linen, shiny, patched, frayed, knitted
verb hobby: dig/dug/digging holes, climb trees, pick daisies, collect shells, count the stars, chase butterflies, skip stones, read/read old books,
  sing/sang funny songs, tell/told riddles, draw/drew pictures, whistle tunes, bake biscuits, gather mushrooms, hunt for feathers, splash in puddles,
  roll down hills, play the flute, play hide-and-seek, watch the clouds, listen to the rain, make/made daisy chains, feed/fed the pigeons, build/built sandcastles,
  sew/sewed patchwork, sweep/swept the porch, water the roses, polish pebbles, fold paper cranes, paint eggs, swing/swung on a rope, hop over logs,
  race the wind, juggle apples, carve spoons, weave/wove baskets, brew lemonade, press flowers, search for clovers, study maps, visit the neighbours,
  dance in the moonlight, solve puzzles, write/wrote poems, mend nets, catch/caught fireflies, ride/rode a bicycle, blow/blew soap bubbles,
  nap under a bush, stir porridge, arrange stamps, stack blocks, shell peas, practise cartwheels, train snails, spin/spun tops, knit socks, tickle trout
noun relative: mother, father, grandmother, grandfather, sister, brother, aunt, uncle, cousin, niece, nephew, godmother, godfather, neighbour, teammate, classmate
words helperlook: old, tall, tiny, plump, round, grey-haired, smiling, barefoot, bearded, curly, long-legged, wrinkled, rosy, freckled,
  dusty, ragged, elegant, enormous, slender, stout, wandering, weary, singing, humming, limping, yawning, blinking, cheery,
  well-dressed, broad-shouldered, bright-eyed, soft-spoken, gruff, muddy, breathless, unhurried, weather-beaten, absent-minded
words cameby: came by, came along, walked past, stopped nearby, wandered over, strolled by, hurried up, appeared, turned up, stepped closer, peeked around the corner,
  passed that way, trotted up, looked over, tiptoed closer, arrived, drew near, shuffled past, waved from afar, ambled along, marched up
)grammar";

}  // namespace orrery::lexicon
