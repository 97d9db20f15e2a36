// Names, in three classes that decide the pronoun: no name is in two of them, and none is another word of the grammar.
#include "corpora/lexicon.h"

namespace orrery::lexicon {

const char* const kNames = R"grammar(
words girl: Ada, Alice, Amara, Amelia, Anna, Astrid, Aya, Bella, Bridget, Carmen, Clara, Cora, Daphne, Diana, Dora, Elena, Elin, Ella, Elsa,
  Emma, Esther, Eva, Fatima, Fiona, Flora, Freya, Frida, Gemma, Gloria, Greta, Gwen,
  Hattie, Hazel, Heidi, Hilda, Ida, Imani, Inga, Isla, Janet, Joan, Josie, Julia,
  Katya, Kira, Lara, Laura, Leila, Lena, Leona, Lina, Lisa, Lucia, Lucy, Luna, Mabel, Maggie, Mara, Maria, Marta,
  Matilda, Maya, Mila, Mina, Mira, Molly, Nadia, Nancy, Nell, Nina, Nora, Olga, Olive, Paula, Petra, Polly, Priya,
  Rita, Rosa, Ruth, Sadie, Sally, Sofia, Sonia, Susan, Tara, Tess, Thea, Tilda, Ursula, Vera, Wanda, Willa, Yara, Zelda, Zoe
words boy: Adam, Ahmed, Albert, Alfred, Amir, Andre, Arthur, Axel, Barnaby, Basil, Ben, Boris,
  Bruno, Carl, Cedric, Daniel, David, Diego, Dylan, Edgar, Eli, Emil, Enzo,
  Erik, Ernest, Ethan, Felix, Finn, Frank, Fred, Gabriel, George, Gus, Hans,
  Harold, Henry, Hugo, Isaac, Jack, Jacob, Jamal, Jan, Jonas, Josef, Juan, Karl, Kofi, Lars, Leo, Leon, Louis, Luca, Magnus, Marco, Martin, Matteo,
  Max, Milo, Noah, Olaf, Omar, Oscar, Otto, Pablo, Paul, Pedro, Peter, Philip, Rafael,
  Ralph, Ravi, Robin, Rufus, Samuel, Sanjay, Simon, Stefan, Sven, Theo, Thomas, Victor, Walter, Yusuf
words petname: Acorn, Biscuit, Bramble, Bubbles, Button, Cinder, Clover, Cocoa, Comet, Cookie, Crumb, Dandelion, Dumpling, Fern,
  Flick, Freckle, Fudge, Ginger, Glimmer, Jellybean, Marble, Mittens, Muffin, Nibbles, Noodle, Nutmeg, Patches, Peanut, Pebble, Pepper,
  Pickle, Pip, Pogo, Pompom, Pudding, Rusty, Scamp, Sesame, Shadow, Smudge, Snowball, Sparkle, Speckle, Sprout, Squeak, Thimble,
  Tinker, Toffee, Truffle, Turnip, Twiggy, Waffle, Whiskers, Ziggy
)grammar";

}  // namespace orrery::lexicon
