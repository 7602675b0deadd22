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
        "Configure su centralita (PBX)",
        "Elija la suya y copie cada texto en su lugar. Sus datos ya están incluidos.",
        "Elija la suya y copie cada texto en su lugar. Sustituya KEY por la clave.",
    ),
    any_other="Otra centralita",
    own_number="Su número, tal como lo marcan sus clientes, con el prefijo del país",
    how={
        How.INTO: "Pegue esto en {place}:",
        How.ENTER: "Introduzca esto en {place}:",
        How.BEFORE_DIAL: (
            "Añada una línea donde entran las llamadas y otra donde salen, ambas antes de "
            "Dial() o Queue():"
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
            "Abra esta dirección en un navegador para descargar un archivo (usuario: pbx, "
            "contraseña: la clave):"
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
            "Para ver si funciona, abra la página que espera la primera llamada y llame a su "
            "número desde un teléfono móvil."
        ),
        "Esperar la primera llamada",
    ),
    ring={
        PopUp.SENT: Heading(
            "El teléfono ha sonado",
            "Su equipo ha visto quién llamaba. Su centralita está configurada.",
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
                "La clave es correcta, pero a ese número no se le podría devolver la llamada; "
                "quizá sea una extensión. Llame otra vez desde un teléfono móvil."
            ),
        ),
        PopUp.UNKNOWN_LINE: Heading(
            "Ha sonado, pero no sabemos dónde",
            (
                "Su centralita ha indicado una línea que nadie ha registrado, o ninguna. En los "
                "ajustes, en «Sus líneas», indique a qué sucursal pertenece."
            ),
        ),
        PopUp.LATE: Heading(
            "Ha sonado, pero lo supimos demasiado tarde",
            (
                "Por eso nadie ha visto quién llamaba. Si el retraso es siempre parecido, el "
                "reloj de su centralita va mal: póngalo en hora por la red (NTP). Si no, su "
                "conexión es lenta."
            ),
        ),
        PopUp.CROWDED: Heading(
            "Ha sonado, pero llegaron demasiadas llamadas a la vez",
            "Su equipo no ha visto esta. Llame otra vez.",
        ),
        PopUp.CLOSED: Heading(
            "Ha sonado, pero la telefonía está en pausa o desactivada",
            (
                "Por eso nadie ha visto quién llamaba. Abra la aplicación en Altegio: su página "
                "explica por qué la telefonía no está activa."
            ),
        ),
        PopUp.FAILED: Heading(
            "Ha sonado, pero Altegio no ha aceptado la llamada",
            "No hemos podido transmitirla. Llame otra vez; si no funciona, escríbanos.",
        ),
        Came.NOTHING: Heading(
            "Todavía no ha llegado nada",
            (
                "Llame ahora a su número desde un teléfono móvil. Si no llega nada, su "
                "centralita no puede conectarse con nuestra dirección o la clave que envía no es "
                "nuestra."
            ),
        ),
        Came.NO_KEY: Heading(
            "Su centralita aún no tiene clave",
            "Cree una en los ajustes e introdúzcala en la centralita.",
        ),
        Came.WRONG_KEY: Heading(
            "Ha llegado una llamada con la clave incorrecta",
            (
                "La hemos rechazado: su centralita no tiene la clave más reciente. Introduzca en "
                "ella la correcta o cree una nueva en los ajustes."
            ),
        ),
        Came.WRONG_LOCATION: Heading(
            "Se ha indicado una sucursal que no es suya",
            (
                "Hemos rechazado la llamada. Quite la sucursal de la configuración o corríjala; "
                "basta con la línea para saber de qué sucursal se trata."
            ),
        ),
        Came.ONLY_ENDED: Heading(
            "Nos enteramos de una llamada cuando ya había terminado",
            (
                "Aparecerá en la lista de llamadas de Altegio, pero nadie ha visto quién "
                "llamaba: su centralita no avisa cuando suena el teléfono. Revise la parte de la "
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
    seconds="{number}\u00a0s",
    minutes="{number}\u00a0min",
    looks="Esta página se actualiza sola cada pocos segundos.",
    too_often=Heading(
        "Vuelva más tarde, por favor",
        (
            "Esta página se ha actualizado demasiadas veces en la última hora. Las llamadas se "
            "comunican igualmente."
        ),
    ),
)
