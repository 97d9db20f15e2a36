// Wishes under the open sky.
#include "corpora/lexicon.h"

namespace orrery::lexicon {

const char* const kThemesOutdoors = R"grammar(
words kite_o: dragon, butterfly, swallow, comet, diamond, rainbow, box, eagle, bat, serpent, phoenix, sunflower, pirate, star
words kite_p: meadow, harbour, rooftops, orchard, valley, playground, cornfield, dunes, steeple, cliffs, barn, pasture, racetrack, vineyards
words kite_w: gust, breeze, whirlwind, gale, squall, draught, storm, puff of wind
words kite_b: oak, elm, maple, birch, poplar, willow, cedar, pine, beech, chestnut tree, walnut tree, linden, sycamore, spruce, larch, palm
words kite_t: ladder, pole, fishing rod, stepladder, rake, broom, boathook, beanpole, pitchfork, walking stick, mop, hockey stick, oar, flagpole
rule want_kite
  fly the {O=kite_o} kite over the {=kite_p}
rule block_kite
  {a =kite_s} {=kite_w} blew the {O} kite into {a B=kite_b}
  the string snapped, and the {O} kite landed in {a B=kite_b}
words kite_s: sudden, mighty, playful, wild, naughty, strong, howling, mean
rule fail_kite
  <H> shook the trunk, but the {O} kite did not fall.
  <H> jumped and jumped, but the branches of the {B} were too {=kite_h}.
words kite_h: high, smooth, slippery, thin, far away, prickly, weak, springy
rule tell_kite
  The {O} kite is stuck in the {B}
  {^g.I} cannot reach the top of the {B}
rule plan_kite
  I have {a =toollook} {T=kite_t}, and it will reach the highest branch
  We can push the kite free with {a =toollook} {T=kite_t}
rule solve_kite
  <HF> lifted the {T} and {=gladly} pulled the kite out of the {B}
  {F} held the {T} while <H> climbed the {B}
rule end_kite
  The {O} kite {=kite_f} above the {=kite_p} again.
words kite_f: danced, soared, fluttered, looped, glided, swooped, dipped, floated, sailed, twirled

noun raft_o: cherry, peach, plum, apricot, blackberry, gooseberry, mulberry, mango, banana, coconut, fig, date, lime, pomegranate, quince, blueberry
words raft_q: ripe, juicy, sweet, plump, famous, giant, wild, fragrant
words raft_v: flood, landslide, thunderstorm, runaway log, heavy rain, spring tide, rockslide, strong current, hurricane, avalanche
words raft_b: bridge, footbridge, rope bridge, ferry, crossing, causeway, jetty, wooden walkway, pontoon, row of stepping stones
words raft_t: raft, canoe, log, bathtub, door, rowboat, barrel, tabletop, washing tub, plank, kayak, ladder, wooden gate, dinghy
rule want_raft
  pick the {=raft_q} {O=raft_o.s} on the other side of the water
  taste the {=raft_q} {O=raft_o.s} across the water
rule block_raft
  {a =raft_v} swept away the {B=raft_b}
  the {B=raft_b} was gone after {a =raft_v}
rule fail_raft
  <H> tried to swim, but the water was too {=raft_c}.
  <H> tried to jump across, but {g.he} fell in with {a =raft_n}.
words raft_c: cold, fast, wild, deep, rough, icy, murky, rapid
words raft_n: splash, shriek, plop, yelp, thud, squeal
rule tell_raft
  The {B} is gone
  There is no way across without the {B}
rule plan_raft
  We can cross on {a =toollook} {T=raft_t}
  {^a =toollook} {T=raft_t} floats, so let us use one
rule solve_raft
  <HF> climbed onto the {T} and paddled {=gladly} to the far bank
  {F} pushed the {T} into the water, and <H> steered it across
rule end_raft
  They picked {=raft_m} of {=raft_q} {O.s}.
  The {O.s} tasted better than {=food}.
words raft_m: baskets, bowls, buckets, sacks, armfuls, handfuls, hatfuls, pocketfuls, crates, trays

noun garden_o: rose, tulip, lily, pansy, poppy, daffodil, iris/irises, violet, marigold, carrot, cabbage, pumpkin, radish/radishes, bean, leek, cauliflower, beetroot,
  artichoke, parsnip, primrose, bluebell, snowdrop, lavender bush, courgette, aubergine, lettuce
noun garden_b: slug, caterpillar, locust, rook, starling, deer/deer, vole, rat, jay, pheasant, blackbird, ant, aphid, earwig, wild boar, greedy goat
words garden_t: scarecrow, fence, net, wind chime, hedge, stone wall, glass frame, row of bells, ring of ashes, bucket of mint water, fake owl, string of tin cans
words garden_e: ate, nibbled, trampled, spoiled, chewed, swallowed, crushed, stole
rule want_garden
  grow the {=garden_q} {O=garden_o.s} in the land
  plant a bed of {O=garden_o.s}
words garden_q: biggest, finest, prettiest, brightest, healthiest, tallest, tastiest, loveliest
rule block_garden
  {=garden_n} {B=garden_b.s} {=garden_e} the young {O.s}
words garden_n: hungry, greedy, sneaky, fat, noisy, rude, tiny, countless, quarrelsome
rule fail_garden
  <H> chased the {B.s} away, but they came back at {=garden_w}.
  <H> shouted at the {B.s}, but they only {=garden_l}.
words garden_w: dawn, dusk, midnight, noon, sunrise, sunset, breakfast time, bedtime
words garden_l: laughed, stared, yawned, burped, blinked, chattered, hissed, munched
rule tell_garden
  The {B.s} will not leave the {O.s} alone
  All the {O.s} are being eaten by {B.s}
rule plan_garden
  {^a =toollook} {T=garden_t} will keep the {B.s} out
  Those {B.s} are afraid of {a =toollook} {T=garden_t}
rule solve_garden
  <HF> put up {a T} around the seedlings
  {F} fetched {a T}, and the {B.s} fled
rule end_garden
  By {=garden_y}, the {O.s} grew {=garden_g}.
words garden_y: June, July, August, September, harvest time, midsummer, the full moon, the first frost
words garden_g: as high as a house, thick and strong, in long rows, everywhere, in every colour, like weeds, fat and sweet, over the roof

words cave_o: ruby, diamond, sapphire, emerald, pearl, opal, topaz, crystal, moonstone, golden coin, garnet, jade, amethyst, fossil, nugget, crown
words cave_c: cave, cavern, tunnel, mine, grotto, cellar, crypt, dungeon, pit, shaft, den, quarry
words cave_b: dark, gloomy, pitch-black, murky, shadowy, dim, black as ink, dark as night, spooky, inky, creepy, sunless
words cave_t: lantern, candle, torch, lamp, oil lamp, jar of glow-worms, firefly jar, mirror, flashlight, matchbox, glowing mushroom, miner's helmet
words cave_s: bumped into a wall, slipped on the moss, lost the way, stepped on a tail, hit a rock, tripped over a root, heard a growl, turned in circles
rule want_cave
  find the {O=cave_o} in the {P2=cave_c}
rule block_cave
  the {P2} was {B=cave_b}
  it was {B=cave_b} inside the {P2}
rule fail_cave
  <H> crept inside, but {g.he} {=cave_s}.
  <H> took {=cave_n} steps and {=cave_s}.
words cave_n: two, three, four, five, six, seven, eight, nine, ten, twelve, twenty
rule tell_cave
  It is too {B} in the {P2}
  {^g.I} cannot see a thing in the {P2}
rule plan_cave
  You need {a =toollook} {T=cave_t} to see in there
  My {=toollook} {T=cave_t} will light the way
rule solve_cave
  <HF> carried the {T} deep into the {P2}
  {F} held up the {T}, and <H> followed {=gladly}
rule end_cave
  There, {=cave_w}, {=cave_l} the {O}.
words cave_w: behind a stone, in a crack, under a ledge, on a shelf, between two rocks, in a puddle, beneath some bones, inside an old boot, among the cobwebs, below a dripping rock
words cave_l: lay, shone, glittered, gleamed, twinkled, glowed, sparkled, waited

words lamb_o: lamb, duckling, gosling, chick, fawn, cub, owlet, kid, pup, cygnet, bunny, tadpole, fledgling, baby hedgehog, baby seal, nestling
words lamb_b: fog, snow, rain, blizzard, darkness, mist, dust, sandstorm, hail, smoke, sleet, twilight
words lamb_t: map, compass, trail of feathers, line of footprints, signpost, flute, bell, row of pebbles, whistle, trail of crumbs, star chart, horn, drum, spyglass
words lamb_m: hungry, shivering, frightened, sleepy, tiny, fluffy, clumsy, wobbly, weeping, lost
rule want_lamb
  bring {a =lamb_m} {O=lamb_o} back home
  help {a =lamb_m} {O=lamb_o} find its mother
rule block_lamb
  {=lamb_k} {B=lamb_b} hid the {=lamb_r}
words lamb_k: thick, heavy, grey, endless, cold, strange, blinding, sudden
words lamb_r: path, road, track, hills, way, signs, trees, river, gate, farm
rule fail_lamb
  <H> went {=lamb_d}, but it was the wrong way.
  <H> called for the mother, but only {=lamb_a} answered.
words lamb_d: left, right, north, south, east, west, uphill, downhill, straight ahead
words lamb_a: an echo, a cuckoo, the wind, a woodpecker, a barking dog, a nightingale, thunder, a rooster
rule tell_lamb
  The {O} is lost, and the {B} hides everything
  {^g.I} cannot find the way in this {B}
rule plan_lamb
  This {=toollook} {T=lamb_t} will lead the {O} home
  Let us use my {=toollook} {T=lamb_t}
rule solve_lamb
  <HF> followed the {T} through the {B}
  with the help of the {T}, <HF> found {a =lamb_h}
words lamb_h: barn, nest, stable, burrow, haystack, pond, fold, hutch, coop, shed
rule end_lamb
  The mother {=lamb_g} when she saw the little {O}.
words lamb_g: wept, laughed, called softly, danced, trembled with joy, ran to it, sang, nearly fainted

words honey_o: clover, heather, acacia, thyme, lavender, chestnut, orange blossom, wildflower, sunflower, linden, dandelion, rosemary, blackberry, buckwheat
noun honey_b: bee, wasp, hornet, drone, honeybee, guard bee, yellowjacket, stinging fly/stinging flies
words honey_t: lullaby, pipe of smoke, flower crown, bowl of sugar water, slow waltz, harp, violin, sprig of mint, fan, polite poem, song without words, wreath of herbs
words honey_h: hive, nest, honeycomb, hollow tree, stump, beehive, skep, old barrel
rule want_honey
  taste the {O=honey_o} honey in the {P2=honey_h}
  fill a pot with {O=honey_o} honey from the {P2=honey_h}
rule block_honey
  {=honey_n} {B=honey_b.s} kept watch over the {P2}
words honey_n: angry, buzzing, fierce, grumpy, fearless, watchful, wild, a hundred, a thousand, proud
rule fail_honey
  <H> reached inside, but the {B.s} stung {g.him} on the {=honey_p}.
  <H> crept closer, but the {B.s} chased {g.him} into the {=honey_r}.
words honey_p: nose, ear, chin, cheek, elbow, knee, toe, shoulder, thumb, belly, forehead, ankle
words honey_r: pond, bushes, mud, nettles, hay, ferns, reeds, brambles
rule tell_honey
  The {B.s} will not share the {O} honey
  {^g.I} {g.am} afraid of the {B.s}
rule plan_honey
  {^a T=honey_t} makes {B.s} calm
  The {B.s} would do anything for {a T=honey_t}
rule solve_honey
  {F} gave the {B.s} {a T}, and they fell asleep
  <HF> offered the {B.s} {a T}
rule end_honey
  The {O} honey was {=honey_q}.
  There was enough {O} honey for {=honey_a}.
words honey_q: sweeter than a dream, thick and golden, the best in the world, as warm as summer, worth every sting, like liquid sunshine, smooth as silk, as clear as glass
words honey_a: everyone, the whole winter, seven pancakes, all the neighbours, a party, ten hungry mouths, the rest of the year, a feast

noun well_o: cow, sheep/sheep, horse, goat, calf/calves, ox/oxen, mule, chicken, buffalo/buffalo, pig, bull, mare
words well_b: pump, bucket, winch, chain, rope, tap, pipe, waterwheel, handle, hose, gutter, trough
words well_t: shovel, spade, pickaxe, drill, crowbar, pulley, pair of pliers, wrench, windmill, funnel, set of pipes, trowel, bamboo stick
words well_h: dry, dusty, burning, scorching, parched, thirsty, cracked, barren
rule want_well
  give water to the thirsty {O=well_o.s}
  bring fresh water to the {O=well_o.s}
rule block_well
  the {B=well_b} of the well was broken, and the ground was {=well_h}
  the {B=well_b} of the well had {=well_f}
words well_f: rusted, cracked, vanished, burst, split, frozen, fallen in, come loose
rule fail_well
  <H> kicked the {B}, but not a drop came out.
  <H> carried water in {a =well_c}, but it leaked.
words well_c: sieve, hat, boot, teacup, sock, paper bag, flowerpot, basket, glove, pocket
rule tell_well
  The {B} of the well does not work
  The {O.s} are thirsty, and the {B} is broken
rule plan_well
  My {=toollook} {T=well_t} and a little work will bring the water back
  Let us try it with {a =toollook} {T=well_t}
rule solve_well
  <HF> worked {=gladly} with the {T} until the {B} was as good as new
  {F} brought the {T}, and <H> repaired the {B}
rule end_well
  Cool water {=well_w}, and the {O.s} drank {=well_d}.
words well_w: gushed out, bubbled up, flowed again, sprayed everywhere, trickled down, poured out, splashed about, rushed out
words well_d: deeply, for an hour, every drop, with joy, noisily, side by side, until noon, all they wanted

words fish_o: trout, salmon, carp, pike, perch, catfish, cod, herring, mackerel, tuna, eel, sardine, sturgeon, bass, haddock, flounder
words fish_b: line, hook, rod, reel, net, float, bait box, landing net, sinker, fishing pole
words fish_t: willow branch, silk thread, bent pin, safety pin, bamboo cane, shoelace, cork, spool of yarn, guitar string, old curtain, paperclip, hairnet, butterfly net
rule want_fish
  catch {a O=fish_o} as {=fish_z} as {a =fish_y}
  catch the {=fish_q} {O=fish_o} in the water
words fish_z: big, long, heavy, shiny, round, fat, fast, strong
words fish_y: sofa, cow, canoe, wardrobe, table, piano, mattress, wagon, pumpkin, cannon
words fish_q: oldest, largest, cleverest, wildest, fattest, rarest, strangest, slyest
rule block_fish
  the {B=fish_b} {=fish_s} at the first tug
  the {B=fish_b} {=fish_s} before anything bit
words fish_s: broke, snapped, tore, tangled, sank, slipped away, jammed, fell apart
rule fail_fish
  <H> tried with bare hands, but the {O} {=fish_e}.
  <H> threw {=fish_k} at the water, but the {O} {=fish_e}.
words fish_e: swam off, wriggled free, dived deep, splashed away, blew bubbles, hid in the weeds, flicked its tail, darted away
words fish_k: bread, corn, worms, cheese, pebbles, breadcrumbs, beetles, peas
rule tell_fish
  The {B} is ruined, and the {O} got away
  {^g.I} cannot catch {a O} without {a B}
rule plan_fish
  {^a =toollook} {T=fish_t} will do instead of {a B}
  We can make a new {B} from {a =toollook} {T=fish_t}
rule solve_fish
  <HF> mended the {B} with {a T} and waited {=gladly}
  {F} tied {a T} where the {B} had been, and <H> tried again
rule end_fish
  Before the sun went down, the {O} {=fish_r}.
words fish_r: bit, was caught, gave in, lay in the basket, jumped into the boat, was theirs, took the bait, hung on the hook

words star_o: comet, moon, shooting star, evening star, eclipse, northern lights, sunrise, rainbow, Milky Way, morning star, sunset, meteor shower, planet Mars, full moon
words star_b: clouds, rain clouds, storm clouds, snow clouds, tall buildings, branches, chimneys, rooftops, thick leaves, street lamps, hills, city lights
words star_t: telescope, balloon basket, tower, tree house, rope ladder, mountain hut, watchtower, flying carpet, crane, tall chimney, spiral staircase, ferris wheel
rule want_star
  see the {O=star_o} from the {=star_p}
  watch the {O=star_o} above the {=star_p}
words star_p: hill, roof, beach, pier, lookout, attic window, ridge, hilltop, bridge, garden wall, hayloft, porch
rule block_star
  {B=star_b} hid half of the sky
  the view was hidden by {B=star_b}
rule fail_star
  <H> stood on {g.his} toes, but saw only {B}.
  <H> climbed onto {a =star_c}, but the {B} were still in the way.
words star_c: chair, table, crate, ladder, horse, cart, wall, stack of books, mailbox, gatepost, statue, wagon
rule tell_star
  {^g.I} cannot see the {O} because of the {B}
  There are too many {B}
rule plan_star
  I know {a T=star_t} where the view is clear
  From {a T=star_t} we could see over the {B}
rule solve_star
  <HF> climbed the {T} and looked past the {B}
  {F} led <H> to {a T} far above the {B}
rule end_star
  The {O} {=star_s} before their eyes.
words star_s: appeared, shone, glowed, glittered, blazed, unfolded, shimmered, spread out
)grammar";

}  // namespace orrery::lexicon
