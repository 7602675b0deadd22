"""The first minutes in Spanish: from the key to the first ring."""

from functions.connect.recipes import How
from functions.connect.words import FirstMinutes, Heading
from shared.calls.shown import PopUp
from shared.connect.first_ring import Came

SPANISH = FirstMinutes(
    copy=("Copiar", "Copiado"),
    stays=(
        "Puede dejar esta página abierta hasta que su centralita tenga la clave: lo que pulse "
        "abajo se abre en otra pestaña."
    ),
    needs_key="Ahora su centralita necesita la clave que ve abajo.",
    recipes=(
        "Configure su centralita",
        "Elija la suya y copie cada texto en su sitio. Sus propios datos ya están puestos.",
        "Elija la suya y copie cada texto en su sitio. Donde pone KEY, ponga la clave.",
    ),
    any_other="Otra centralita",
    own_number="Su número, tal como lo marcan sus clientes, con el prefijo del país",
    how={
        How.INTO: "Ponga esto en {place}:",
        How.ENTER: "Introduzca esto en {place}:",
        How.BEFORE_DIAL: (
            "Una línea donde entran las llamadas y otra donde salen, ambas antes de Dial() o "
            "Queue():"
        ),
        How.OPTION: "Añada esta opción a cada Dial():",
        How.OUTGOING: (
            "Para las llamadas salientes, añada también esto a {place} (desde FreePBX 17, con "
            "Return() como última línea):"
        ),
        How.MODULES: "Cargue estos dos módulos en {place}:",
        How.RUN: "Después ejecute este comando:",
        How.PRESS: "Después pulse: {place}.",
        How.OPEN: (
            "Abra esta dirección en un navegador. Le pedirá un nombre de usuario (pbx) y una "
            "contraseña (la clave). Se descarga un archivo:"
        ),
        How.ADD: "Añada ese archivo en {place}.",
        How.SWITCH_ON: "Active {place} y guarde.",
        How.OWN_CRM: (
            "En el panel de su operador, en «Integraciones», elija un CRM propio (REST API) e "
            "introduzca esta dirección y esta clave:"
        ),
        How.POST: (
            "Un programa suyo envía por POST estos dos objetos JSON a esta dirección, con la "
            "clave como bearer token: uno cuando suena el teléfono y otro cuando termina la "
            "llamada."
        ),
    },
    wait=(
        (
            "Para ver si funciona, abra una página que espera la primera llamada y llame a su "
            "número desde un móvil."
        ),
        "Esperar la primera llamada",
    ),
    ring={
        PopUp.SENT: Heading(
            "El teléfono ha sonado",
            "Su equipo ha visto quién llama. Su centralita está configurada.",
        ),
        PopUp.HIDDEN: Heading(
            "Ha sonado, desde un número oculto",
            (
                "La clave es correcta, pero así no se puede mostrar quién llama. Llame otra vez "
                "desde un teléfono que muestre su número."
            ),
        ),
        PopUp.UNUSABLE: Heading(
            "Ha sonado, desde un número incompleto",
            (
                "La clave es correcta, pero a ese número no se podría devolver la llamada; quizá "
                "sea una extensión. Llame otra vez desde un móvil."
            ),
        ),
        PopUp.UNKNOWN_LINE: Heading(
            "Ha sonado, pero no sabemos dónde",
            (
                "Su centralita ha indicado una línea que nadie ha registrado, o ninguna. En sus "
                "ajustes, en «Sus líneas», indique a qué sucursal pertenece."
            ),
        ),
        PopUp.LATE: Heading(
            "Ha sonado, pero lo supimos demasiado tarde",
            (
                "Por eso nadie ha visto quién llama. Si el retraso es siempre parecido, el reloj "
                "de su centralita va mal: póngalo en hora por la red (NTP). Si no, su conexión es "
                "lenta."
            ),
        ),
        PopUp.CROWDED: Heading(
            "Ha sonado, pero llegaron demasiadas llamadas a la vez",
            "Su equipo no ha visto esta. Llame otra vez.",
        ),
        PopUp.CLOSED: Heading(
            "Ha sonado, pero esta sucursal no recibe llamadas",
            (
                "Allí la telefonía está en pausa o desactivada. Abra la aplicación en Altegio: su "
                "página explica por qué."
            ),
        ),
        PopUp.FAILED: Heading(
            "Ha sonado, pero Altegio no ha aceptado la llamada",
            "No hemos podido transmitirla. Llame otra vez; si no funciona, escríbanos.",
        ),
        Came.NOTHING: Heading(
            "Todavía no ha llegado nada",
            (
                "Llame ahora a su número desde un móvil. Si no llega nada, su centralita no "
                "llega a nuestra dirección o la clave que envía no es nuestra."
            ),
        ),
        Came.NO_KEY: Heading(
            "Su centralita aún no tiene clave",
            "Cree una en sus ajustes e introdúzcala en la centralita.",
        ),
        Came.WRONG_KEY: Heading(
            "Ha llegado una llamada con la clave incorrecta",
            (
                "La hemos rechazado: la clave de su centralita no es la última que se creó. "
                "Introduzca en ella la correcta o cree una nueva en sus ajustes."
            ),
        ),
        Came.WRONG_LOCATION: Heading(
            "Se ha indicado una sucursal que no es suya",
            (
                "Hemos rechazado la llamada. Quite la sucursal de la configuración o corríjala; "
                "basta la línea para saber de qué sucursal se trata."
            ),
        ),
        Came.ONLY_ENDED: Heading(
            "Ha llegado una llamada, pero solo al terminar",
            (
                "Aparecerá en la lista de llamadas de Altegio, pero nadie ha visto quién llama: "
                "su centralita no avisa cuando suena el teléfono. Revise la parte de la "
                "configuración para las llamadas entrantes."
            ),
        ),
    },
    facts={
        "at": "Hora",
        "location": "Sucursal",
        "line": "Línea",
        "extension": "Extensión",
        "caller": "Quien llama",
        "late": "Retraso",
    },
    seconds="{number} s",
    minutes="{number} min",
    looks="Esta página se actualiza sola cada pocos segundos.",
    too_often=Heading(
        "Vuelva más tarde, por favor",
        (
            "Esta página se ha actualizado demasiadas veces en la última hora. Las llamadas se "
            "comunican igualmente."
        ),
    ),
)
